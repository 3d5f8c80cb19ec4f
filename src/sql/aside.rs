//! What others find out about a text, kept with its facts.

use std::{any::Any, fmt, sync::Arc};

use arc_swap::ArcSwapOption;

/// One thing that is the same for every text with the same facts, for who comes with the next such text. It is about the
/// facts, not of them: a copy has none, and it makes no difference.
#[derive(Default)]
pub struct Aside(ArcSwapOption<Box<dyn Any + Send + Sync>>);

impl Aside {
    /// What was noted, if it is of this kind and `fits` makes something of it.
    pub fn get<T: 'static, R>(&self, fits: impl FnOnce(&T) -> Option<R>) -> Option<R> {
        self.0.load().as_ref().and_then(|noted| noted.downcast_ref()).and_then(fits)
    }

    /// Notes it in place of what was noted before.
    pub fn note<T: Send + Sync + 'static>(&self, what: T) {
        self.0.store(Some(Arc::new(Box::new(what))));
    }
}

impl fmt::Debug for Aside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Aside").finish_non_exhaustive()
    }
}

impl Clone for Aside {
    fn clone(&self) -> Self {
        Aside::default()
    }
}

impl PartialEq for Aside {
    fn eq(&self, _: &Aside) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_found_if_it_fits() {
        let aside = Aside::default();
        let get = |wanted: u32| aside.get(|noted: &(u32, &str)| (noted.0 == wanted).then_some(noted.1));
        assert_eq!(get(1), None);
        aside.note((1_u32, "one"));
        assert_eq!((get(1), get(2)), (Some("one"), None));
        aside.note((2_u32, "two"));
        assert_eq!((get(1), get(2)), (None, Some("two")));
        assert_eq!(aside.get(|_: &String| Some(())), None);
        assert_eq!(aside.clone().get(|noted: &(u32, &str)| Some(noted.0)), None);
    }
}
