//! Zones: places within places, `region/zone/rack`, and how far one is from another. Pure.

/// How many places of `own` one must leave to come to `zone`: 0 within the same. Without a place of one's own everything is
/// near; a server that does not say where it is counts as being elsewhere altogether.
pub fn distance(own: Option<&str>, zone: Option<&str>) -> u32 {
    let Some(own) = own else { return 0 };
    let places = own.split('/').count();
    let common = zone.map_or(0, |zone| own.split('/').zip(zone.split('/')).take_while(|(a, b)| a == b).count());
    u32::try_from(places - common).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        for (own, zone, expected) in [
            (None, Some("eu"), 0),
            (None, None, 0),
            (Some("eu"), Some("eu"), 0),
            (Some("eu"), Some("eu/a"), 0),
            (Some("eu/a"), Some("eu/a"), 0),
            (Some("eu/a"), Some("eu/b"), 1),
            (Some("eu/a"), Some("eu"), 1),
            (Some("eu/a"), Some("us/a"), 2),
            (Some("eu/a"), None, 2),
            (Some("eu"), Some("europe"), 1),
        ] {
            assert_eq!(distance(own, zone), expected, "{own:?} {zone:?}");
        }
    }
}
