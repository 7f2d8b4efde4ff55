//! The main job, by the real program on the real engine.

mod change;
mod converge;
mod delete;
mod fail;
mod images;
mod life;
mod own;
mod parameters;
mod repair;
mod rollback;
mod run;
mod secrets;
mod tell;
