#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| forebay::fuzz::run("wire_messages", data));
