//! Makes the compiler look again when a signature or a file of the console is
//! added or removed: both folders are part of the program, and a macro cannot
//! watch a folder.

fn main() {
    println!("cargo::rerun-if-changed=signatures");
    println!("cargo::rerun-if-changed=web");
}
