//! The main job, by the real program on the real engine.

mod change;
mod checks;
mod converge;
mod delete;
mod fail;
mod images;
mod life;
mod own;
mod parameters;
mod repair;
mod run;
mod secrets;
mod tell;
