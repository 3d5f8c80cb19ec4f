use super::forebay;

#[test]
fn version_and_help() {
    let (status, out, err) = forebay(&["--version"], &[]);
    assert_eq!((status, out.trim(), err.as_str()), (Some(0), concat!("forebay ", env!("CARGO_PKG_VERSION")), ""));
    let (status, short, _) = forebay(&["-h"], &[]);
    assert_eq!(status, Some(0));
    for command in ["run", "check", "demo"] {
        assert!(short.contains(command), "{short}");
        let (status, long, err) = forebay(&[command, "--help"], &[]);
        assert_eq!((status, err.as_str()), (Some(0), ""));
        assert!(long.contains("EXAMPLES") && long.contains(&format!("forebay {command}")), "{long}");
        assert!(long.contains("Usage: forebay"), "{long}");
        let widest = long.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 130, "{widest} columns in the help of {command}");
    }
    let (_, long, _) = forebay(&["--help"], &[]);
    for part in ["EXAMPLES", "A SMALLEST CONFIGURATION", "EXIT STATUS", "ENVIRONMENT", "forebay demo"] {
        assert!(long.contains(part), "{part} in {long}");
    }
    assert!(long.len() > short.len());
}

#[test]
fn a_wrong_command_line() {
    for (arguments, hint) in [
        (&["chekc"][..], "check"),
        (&["check", "--confg", "x"], "--config"),
        (&["run", "one", "two"], "unexpected argument"),
        (&["check", "--config"], "a value is required"),
        (&["demo", "--replicas", "many"], "many"),
    ] {
        let (status, out, err) = forebay(arguments, &[]);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{arguments:?}: {err}");
        assert!(err.contains(hint) && err.contains("--help"), "{arguments:?}: {err}");
    }
    let (status, _, err) = forebay(&[], &[]);
    assert_eq!(status, Some(2));
    assert!(err.contains("Usage: forebay"), "{err}");
}

/// The example that the help shows is one.
#[test]
fn the_smallest_configuration_of_the_help() {
    let (_, long, _) = forebay(&["--help"], &[]);
    let lines: Vec<_> = long.lines().skip_while(|line| !line.contains("A SMALLEST CONFIGURATION")).skip(1).collect();
    let yaml: Vec<_> = lines.iter().take_while(|line| line.starts_with("      ")).map(|line| &line[6..]).collect();
    let file = super::write(&crate::support::paths::scratch("help"), "config.yaml", &yaml.join("\n"));
    let (status, out, err) = forebay(&["check", "--config", &file], &[("APP_DB_PASSWORD", "x")]);
    assert_eq!(status, Some(0), "{err}");
    assert!(out.starts_with(&format!("{file}: good")), "{out}");
}
