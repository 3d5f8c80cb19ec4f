//! What the tests stand on.

pub mod bed;
pub mod cluster;
pub mod endpoint;
<<<<<<< HEAD
pub mod escape;
=======
>>>>>>> 81b952abf1f94eb3c4781267f39edd2a211acfcc
pub mod forebay;
pub mod guard;
pub mod paths;
pub mod process;
pub mod raw;
