//! `[[expect.http]]`: the requests that a checkout can make `doctor` send.

use crate::io::config::HeaderPart;
use crate::io::config::tests::{fault, read};

#[test]
fn validates_method_path_and_headers() {
    let http = |rest: &str| format!("[[expect.http]]\nservice='a'\nstatus=200\n{rest}");
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let refused = fault(&http(&format!("request='{method} /a'")));
        assert!(
            refused.starts_with(&format!("4:9: `request` in [[expect.http]] uses {method}, which may have")),
            "{refused}"
        );
        assert!(fault(&http(&format!("request='{method} /a'\nallow-effects=false"))).contains("side effects"));
        let config = read(&http(&format!("request='{method} /a'\nallow-effects=true"))).unwrap();
        assert_eq!(config.expect_http[0].method, method);
    }
    assert_eq!(read(&http("request='HEAD /a?b=c%20d&e'")).unwrap().expect_http[0].path, "/a?b=c%20d&e");

    let headers = |text: &str| http(&format!("request='GET /'\n[expect.http.headers]\n{text}"));
    for name in
        ["Host", "host", "Content-Length", "Transfer-Encoding", "Connection", "X-Forwarded-Host", "Proxy-Authorization"]
    {
        assert!(fault(&headers(&format!("{name} = 'x'"))).contains("would change where the request goes"), "{name}");
    }
    for name in ["'a b'", "''", "'a:b'", "'ü'", "\"a\\r\\nb\""] {
        assert!(fault(&headers(&format!("{name} = 'x'"))).contains("invalid header name"), "{name}");
    }
    for value in ["'$'", "'a $ b'", "'${A}'", "'$1'", "\"a\\r\\nX: marker\"", "5", "['$A']"] {
        let fault = fault(&headers(&format!("X = {value}")));
        assert!(fault.contains("must be one line of text") && !fault.contains("marker"), "{value}: {fault}");
    }
    assert!(fault(&headers("X = 'a'\nx = 'b'")).contains("duplicate header `x` in [expect.http.headers]"));
    let config = read(&headers("X = 'pre-$A_1-$$5-$B$C'")).unwrap();
    let shown: Vec<String> = config.expect_http[0].headers["x"]
        .iter()
        .map(|part| match part {
            HeaderPart::Text(text) => format!("text {}", text.expose()),
            HeaderPart::Key(key) => format!("key {key}"),
        })
        .collect();
    assert_eq!(shown, ["text pre-", "key A_1", "text -$5-", "key B", "key C"]);
    assert!(!format!("{config:?}").contains("pre-"), "a header may contain a credential");
}

#[test]
fn json_expectations_are_pointers_and_literals() {
    let json = |text: &str| format!("[[expect.http]]\nservice='a'\nrequest='GET /'\n[expect.http.json]\n{text}");
    for pointer in ["'boot_info'", "'$.a'", "'/a~2'", "'/a~'"] {
        assert!(fault(&json(&format!("{pointer} = 1"))).starts_with("5:1: invalid JSON pointer"), "{pointer}");
    }
    for value in ["['marker']", "{a='marker'}", "nan", "inf", "2027-01-01", "99999999999999999999"] {
        let fault = fault(&json(&format!("'/a' = {value}")));
        assert!(fault.contains("must be \"present\", \"absent\", a string") && !fault.contains("marker"), "{fault}");
    }
    assert!(read(&json("'' = 'present'\n'/' = 'absent'\n'/a~0b' = 0x10")).is_ok());
}
