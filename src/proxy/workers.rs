//! The threads that serve clients: each has a reactor of its own, and a client stays where it began.
//!
//! A session is a conversation of small packets: what it costs is waking up. Under one scheduler for all threads, tasks
//! are stolen to and fro and threads wake each other; measured on point selects that is a twentieth of the proxy's whole
//! cost. Sessions are many and alike, so giving each new one to the thread with the fewest keeps the threads even.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use tokio::{runtime, sync::oneshot};

/// The worker threads. Dropping them ends the threads and what still runs there.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    runtime: runtime::Handle,
    tasks: Arc<AtomicUsize>,
    /// Closed when this is dropped.
    _stop: oneshot::Sender<()>,
}

impl Workers {
    /// Starts that many threads.
    ///
    /// # Errors
    /// The system has no thread or no file descriptors left.
    pub fn start(threads: usize) -> io::Result<Workers> {
        let workers = (0..threads.max(1)).map(start_one).collect::<io::Result<_>>()?;
        Ok(Workers { workers })
    }

    /// Ends when every thread has answered.
    pub async fn answer(&self) {
        for worker in &self.workers {
            // One whose runtime has ended answers too: with an error.
            let _ = worker.runtime.spawn(async {}).await;
        }
    }

    /// Runs a task on the thread that has the fewest. A file descriptor that the task will wait for must be registered
    /// by itself: it belongs to that thread's reactor.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_counted(|count| async move {
            let _count = count;
            task.await;
        });
    }

    /// The same for a task that keeps what it is given until it ends: one around it would take its memory twice.
    pub fn spawn_counted<T: Future<Output = ()> + Send + 'static>(&self, task: impl FnOnce(Counted) -> T) {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.tasks.load(Ordering::Relaxed)) else {
            return;
        };
        worker.runtime.spawn(task(Counted::one_more(&worker.tasks)));
    }
}

/// A task counts until it ends, in whatever way.
#[derive(Debug)]
pub struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn one_more(tasks: &Arc<AtomicUsize>) -> Self {
        tasks.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(tasks))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn start_one(number: usize) -> io::Result<Worker> {
    let (stop, stopped) = oneshot::channel::<()>();
    let (started, start) = mpsc::channel();
    let work = move || {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(started.send(Err(error))),
        };
        let _ = started.send(Ok(runtime.handle().clone()));
        // An error means that the sender is gone, which is how it tells.
        let _ = runtime.block_on(stopped);
    };
    thread::Builder::new().name(format!("worker-{number}")).spawn(work)?;
    let runtime = start.recv().map_err(io::Error::other)??;
    Ok(Worker { runtime, tasks: Arc::default(), _stop: stop })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_spread_and_end_with_the_workers() {
        let workers = Workers::start(3).unwrap();
        let (tell, told) = mpsc::channel();
        let alive = Arc::new(());
        for _ in 0..6 {
            let (tell, alive) = (tell.clone(), Arc::clone(&alive));
            workers.spawn(async move {
                tell.send(thread::current().name().map(str::to_owned)).unwrap();
                std::future::pending::<()>().await;
                drop(alive);
            });
        }
        let mut names: Vec<_> = (0..6).map(|_| told.recv().unwrap().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["worker-0", "worker-0", "worker-1", "worker-1", "worker-2", "worker-2"]);
        drop(workers);
        for _ in 0..500 {
            if Arc::strong_count(&alive) == 1 {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("tasks outlive their workers");
    }

    #[test]
    fn a_thread_that_is_stuck_does_not_answer() {
        let workers = Workers::start(2).unwrap();
        let ask = |ms| {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let patience = std::time::Duration::from_millis(ms);
            runtime.block_on(async { tokio::time::timeout(patience, workers.answer()).await.is_ok() })
        };
        assert!(ask(10_000));
        let (release, released) = mpsc::channel::<()>();
        workers.spawn(async move { released.recv().unwrap_or_default() });
        assert!(!ask(50));
        release.send(()).unwrap();
        assert!(ask(10_000));
    }

    #[test]
    fn a_task_that_panics_gives_its_place_back() {
        let workers = Workers::start(1).unwrap();
        workers.spawn(async { panic!("on purpose") });
        let (tell, told) = mpsc::channel();
        workers.spawn(async move { tell.send(()).unwrap() });
        told.recv().unwrap();
        while workers.workers[0].tasks.load(Ordering::Relaxed) > 0 {
            thread::yield_now();
        }
    }
}
