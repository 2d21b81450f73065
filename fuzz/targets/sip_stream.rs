//! `sip_stream` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| huifang_fuzz::run("sip_stream", data));
