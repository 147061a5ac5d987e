//! Says whether this crate is built without optimisation.
//!
//! The vector arithmetic is made of small functions that are inlined into one. Without optimisation it
//! is slower than the library's, and its stack frame is larger than a thread's stack.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(unoptimised)");
    if std::env::var("OPT_LEVEL").is_ok_and(|level| level == "0") {
        println!("cargo::rustc-cfg=unoptimised");
    }
}
