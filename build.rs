//! Makes the compiler look again when a signature is added or removed: the
//! shipped folder is part of the program, and a macro cannot watch a folder.

fn main() {
    println!("cargo::rerun-if-changed=signatures");
}
