//! Addresses, as they are written and read.

use terrace_core::address::{Address, Segment};

#[test]
fn an_address_reads_back_as_it_was_written() {
    for text in [
        "vpc.main",
        "subnet.public.a",
        "subnet.public.1a-B_",
        "network/subnet.public.a",
        "web.eu/inner/secret.x",
        "existing.hosted_zone.site",
        "web/existing.hosted_zone.site.x",
    ] {
        let address: Address = text.parse().unwrap();
        assert_eq!(address.to_string(), text);
        assert_eq!(
            Address::from_reference(&address.reference()),
            Some(address.clone())
        );
        let json = serde_json::to_string(&address).unwrap();
        assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
    }
    let address: Address = "web.eu/subnet.public.a".parse().unwrap();
    assert_eq!(
        address.modules,
        [Segment {
            name: "web".to_owned(),
            key: Some("eu".to_owned())
        }]
    );
    assert_eq!(address.whole().to_string(), "web.eu/subnet.public");
}

#[test]
fn what_is_no_address_says_so() {
    for text in [
        "",
        "vpc",
        "vpc.",
        ".main",
        "Vpc.main",
        "vpc.main.",
        "vpc.main.a.b",
        "vpc-0abc",
        "/vpc.main",
        "a//b.c",
    ] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
    let error = "vpc-0abc".parse::<Address>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`vpc-0abc` is no address: write `kind.name`, `kind.name.key` or `module/kind.name`"
    );
    assert_eq!(Address::from_reference("vpc.main"), None);
}

#[test]
fn a_whole_covers_its_parts_and_a_module_what_stands_in_it() {
    let covers = |whole: &str, part: &str| {
        whole
            .parse::<Address>()
            .unwrap()
            .covers(&part.parse().unwrap())
    };
    assert!(covers("volume.data", "volume.data.sdf"));
    assert!(!covers("volume.data.sdf", "volume.data"));
    assert!(covers("module.network", "network/vpc.main"));
    assert!(covers("module.network", "network/inner/vpc.main"));
    assert!(!covers("module.network", "other/vpc.main"));
    assert!(!covers("volume.data", "network/volume.data"));
}
