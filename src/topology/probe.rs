//! stub
use super::{ServerId, Settings, View};
use std::{sync::Arc, time::Duration};
#[derive(Debug)]
pub struct Topology;
impl Topology {
    pub fn start(settings: Settings) -> Topology { todo!() }
    pub fn view(&self) -> arc_swap::Guard<Arc<View>> { todo!() }
    pub async fn first_view(&self, timeout: Duration) { todo!() }
    pub fn report_failure(&self, server: ServerId, why: &str) { todo!() }
    pub fn shutdown(&self) { todo!() }
}
