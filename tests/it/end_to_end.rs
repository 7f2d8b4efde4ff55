//! The main job, by the real program on the real engine.

mod by_hand;
mod change;
mod checks;
mod converge;
mod delete;
mod exec;
mod fail;
mod history;
mod hooks;
mod images;
mod life;
mod limits;
mod logs;
mod own;
mod parameters;
mod repair;
mod rollback;
mod room;
mod run;
mod secrets;
mod tell;
