//! The examples of the README are true.

use railway_doctor::outside::sim::seed::incident;

use crate::doctor::Doctor;

#[test]
fn its_doctor_toml_is_understood_whole() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let doctor = Doctor::new(incident::estate())
        .file(".env", incident::ENV_FILE)
        .file("worker/.env", incident::ENV_FILE)
        .file("doctor.toml", example);
    let ended = doctor.check(&["-v"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(!ended.out.contains("does not use it yet"), "nothing of it is unused: {ended:?}");
    assert!(ended.out.contains("worker/.env"), "{ended:?}");
    assert!(!ended.out.contains("only on Railway"), "missing-locally is off: {ended:?}");
}
