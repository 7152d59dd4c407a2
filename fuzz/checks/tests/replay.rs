//! Every seed and every input that ever crashed a target, without a fuzzer: `seeds/` is made by `make_seeds.py`, `regressions/` is kept.

use std::fs;
use std::path::Path;

#[test]
fn seeds_and_regressions_pass() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (name, target) in libvault_fuzz_checks::TARGETS {
        let mut count = 0;
        for kind in ["seeds", "regressions"] {
            for entry in fs::read_dir(fuzz.join(kind).join(name)).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                println!("{}", path.display());
                target(&fs::read(&path).expect("an input"));
                count += 1;
            }
        }
        assert!(count > 0, "no inputs for {name}: run fuzz/make_seeds.py");
    }
}
