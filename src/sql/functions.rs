//! The functions both servers build in, and what calling them does.
//!
//! Found out from the servers themselves (MariaDB 10.11, MySQL 9.7): a name is listed only if the server did not answer
//! "FUNCTION … does not exist" to a call without schema, so that no stored function can stand behind it.
use super::facts::Effects as E;
use super::lexer::{Dialect, Flavor};
use super::table::{Index, next_name};

/// How a server reads `name(`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    /// Not built in: whatever a stored function of that name does.
    Unknown,
    /// Built in.
    Known,
    /// Built in only where no space stands before the parenthesis, or with IGNORE_SPACE.
    Glued,
    /// A word of the grammar: no stored function can be called by that bare name.
    Keyword,
    /// Built in until MySQL 9.5; a component's, or anybody's, since.
    Since96,
    /// Built in from this version on.
    From(u32),
}

/// A function: on which server it is built in, and what it does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function {
    name: &'static [u8],
    mysql: Call,
    mariadb: Call,
    /// Called without arguments.
    bare: E,
    /// Called with arguments.
    args: E,
}

impl Function {
    /// The effects of a call: `spaced` says whether white space stands before the parenthesis.
    pub(super) fn effects(&self, with_arguments: bool, spaced: bool, dialect: Dialect) -> E {
        let effects = if with_arguments { self.args } else { self.bare };
        if self.is_known(spaced, dialect) { effects } else { effects | E::WRITE | E::UNKNOWN_FUNCTION }
    }

    /// Its name, in lower case.
    pub(super) fn name(&self) -> &'static [u8] {
        self.name
    }

    /// Does white space before the parenthesis change what it means?
    pub(super) fn is_space_sensitive(&self, dialect: Dialect) -> bool {
        !dialect.ignore_space && self.call(dialect) == Call::Glued
    }

    fn is_known(&self, spaced: bool, dialect: Dialect) -> bool {
        match self.call(dialect) {
            Call::Unknown => false,
            Call::Known | Call::Keyword => true,
            Call::Glued => !spaced || dialect.ignore_space,
            Call::Since96 => matches!(dialect.flavor, Flavor::MySql { version } if version < 90600),
            Call::From(first) => {
                let (Flavor::MySql { version } | Flavor::MariaDb { version }) = dialect.flavor;
                version >= first
            }
        }
    }

    fn call(&self, dialect: Dialect) -> Call {
        match dialect.flavor {
            Flavor::MySql { .. } => self.mysql,
            Flavor::MariaDb { .. } => self.mariadb,
        }
    }
}

/// The function of that name, which is in lower case.
pub(super) fn find(name: &[u8]) -> Option<&'static Function> {
    let position = INDEX.find(name, |position| FUNCTIONS.get(position).is_some_and(|entry| entry.name == name))?;
    FUNCTIONS.get(position)
}

struct Group {
    mysql: Call,
    mariadb: Call,
    bare: E,
    args: E,
    names: &'static str,
}

const fn plain(mysql: Call, mariadb: Call, names: &'static str) -> Group {
    with(mysql, mariadb, E::empty(), E::empty(), names)
}

const fn with(mysql: Call, mariadb: Call, bare: E, args: E, names: &'static str) -> Group {
    Group { mysql, mariadb, bare, args, names }
}

const NONE: E = E::empty();
const CHANCE: E = E::NOT_DETERMINISTIC;
const TIME: E = CHANCE.union(E::CURRENT_TIME);

const COUNT: usize = 530;

#[rustfmt::skip]
const GROUPS: &[Group] = &[
    plain(Call::Known, Call::Known,
        "abs acos addtime aes_decrypt aes_encrypt ascii asin atan atan2 avg bin binary bit_count bit_length ceil
        ceiling char char_length character character_length charset coalesce coercibility collation compress
        concat concat_ws conv convert_tz cos cot crc32 current_role database date date_format datediff day dayname
        dayofmonth dayofweek dayofyear degrees elt exp export_set extractvalue field find_in_set floor format
        from_base64 from_days from_unixtime greatest hex hour if ifnull inet6_aton inet6_ntoa inet_aton
        inet_ntoa instr interval is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 isnull json_array
        json_array_append json_array_insert json_contains json_contains_path json_depth json_extract json_insert
        json_keys json_length json_merge json_merge_patch json_merge_preserve json_object json_overlaps
        json_pretty json_quote json_remove json_replace json_search json_set json_type json_unquote json_valid
        last_day lcase least left length ln locate log log10 log2 lower lpad ltrim make_set makedate maketime
        mbrcontains mbrdisjoint mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin microsecond minute mod
        month monthname name_const not nullif oct octet_length ord period_add period_diff pi pow power quarter
        quote radians regexp_instr regexp_replace regexp_substr repeat replace reverse right round row rpad
        rtrim schema sec_to_time second sha2 sign sin soundex space sqrt st_area st_asbinary st_asgeojson
        st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains st_convexhull st_crosses st_difference
        st_dimension st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals
        st_exteriorring st_geomcollfromtext st_geomcollfromwkb st_geometrycollectionfromtext
        st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn st_geometrytype
        st_geomfromgeojson st_geomfromtext st_geomfromwkb st_interiorringn st_intersection st_intersects
        st_isclosed st_isempty st_issimple st_length st_linefromtext st_linefromwkb st_linestringfromtext
        st_linestringfromwkb st_mlinefromtext st_mlinefromwkb st_mpointfromtext st_mpointfromwkb
        st_mpolyfromtext st_mpolyfromwkb st_multilinestringfromtext st_multilinestringfromwkb
        st_multipointfromtext st_multipointfromwkb st_multipolygonfromtext st_multipolygonfromwkb
        st_numgeometries st_numinteriorrings st_numpoints st_overlaps st_pointfromtext st_pointfromwkb st_pointn
        st_polyfromtext st_polyfromwkb st_polygonfromtext st_polygonfromwkb st_srid st_startpoint
        st_symdifference st_touches st_union st_within st_x st_y str_to_date strcmp substring_index subtime tan
        time time_format time_to_sec timediff timestamp to_base64 to_days to_seconds truncate ucase uncompress
        uncompressed_length unhex updatexml upper week weekday weekofyear weight_string year yearweek"),
    plain(Call::Glued, Call::Glued,
        "adddate bit_and bit_or bit_xor cast count date_add date_sub extract group_concat json_arrayagg
        json_objectagg max mid min position std stddev stddev_pop stddev_samp subdate substr substring sum trim
        var_pop var_samp variance"),
    plain(Call::Known, Call::Unknown,
        "any_value bin_to_uuid format_bytes format_pico_time from_vector geomcollection grouping gtid_subset
        gtid_subtract is_uuid json_schema_valid json_schema_validation_report json_storage_free
        json_storage_size mbrcoveredby mbrcovers regexp_like st_buffer_strategy st_frechetdistance st_geohash
        st_geomcollfromtxt st_hausdorffdistance st_isvalid st_latfromgeohash st_latitude st_lineinterpolatepoint
        st_lineinterpolatepoints st_longfromgeohash st_longitude st_makeenvelope st_numinteriorring
        st_pointatdistance st_pointfromgeohash st_simplify st_swapxy st_transform st_validate statement_digest
        statement_digest_text string_to_vector uuid_to_bin vector_dim vector_to_string"),
    plain(Call::Unknown, Call::Known,
        "add_months area asbinary astext aswkb aswkt boundary buffer centroid chr column_add column_check
        column_create column_delete column_exists column_json column_list convexhull crc32c crosses decode
        decode_oracle dimension disjoint encode endpoint envelope equals exteriorring geomcollfromtext
        geomcollfromwkb geometrycollectionfromtext geometrycollectionfromwkb geometryfromtext geometryfromwkb
        geometryn geometrytype geomfromtext geomfromwkb glength interiorringn intersects isclosed isempty isring
        issimple json_compact json_detailed json_equals json_exists json_loose json_normalize json_query lengthb
        linefromtext linefromwkb linestringfromtext linestringfromwkb lpad_oracle ltrim_oracle mbrequal
        mlinefromtext mlinefromwkb mpointfromtext mpointfromwkb mpolyfromtext mpolyfromwkb
        multilinestringfromtext multilinestringfromwkb multipointfromtext multipointfromwkb multipolygonfromtext
        multipolygonfromwkb natural_sort_key numgeometries numinteriorrings numpoints nvl nvl2 old_password
        overlaps pointfromtext pointfromwkb pointn pointonsurface polyfromtext polyfromwkb polygonfromtext
        polygonfromwkb replace_oracle rownum rpad_oracle rtrim_oracle sformat st_boundary st_isring
        st_pointonsurface st_relate startpoint substr_oracle to_char touches within x y"),
    plain(Call::Known, Call::Glued,
        "geometrycollection linestring multilinestring multipoint multipolygon point polygon"),
    plain(Call::Keyword, Call::Known,
        "contains json_value last_value password srid"),
    plain(Call::Keyword, Call::Glued,
        "cume_dist dense_rank first_value lag lead nth_value ntile percent_rank rank"),
    plain(Call::Glued, Call::Unknown,
        "json_duality_object st_collect"),
    plain(Call::Unknown, Call::Glued,
        "median percentile_cont percentile_disc trim_oracle"),
    plain(Call::Keyword, Call::Unknown,
        "json_table lateral of columns tablesample escape against"),
    plain(Call::Unknown, Call::Keyword,
        "sql_cache"),
    plain(Call::Since96, Call::Known,
        "md5 sha sha1"),
    plain(Call::Unknown, Call::From(110_700),
        "vec_distance_euclidean vec_distance_cosine vec_fromtext vec_totext"),
    plain(Call::Unknown, Call::From(110_800),
        "vec_distance"),
    with(Call::Unknown, Call::From(110_700), CHANCE, CHANCE,
        "uuid_v4 uuid_v7"),
    with(Call::Glued, Call::Glued, TIME, TIME,
        "now curdate curtime"),
    with(Call::Glued, Call::Known, TIME, TIME,
        "sysdate"),
    with(Call::Known, Call::Known, TIME, TIME,
        "current_timestamp current_date current_time localtime localtimestamp utc_date utc_time utc_timestamp"),
    with(Call::Known, Call::Known, TIME, NONE,
        "unix_timestamp"),
    with(Call::Known, Call::Known, CHANCE, CHANCE,
        "sleep benchmark uuid random_bytes"),
    with(Call::Unknown, Call::Known, CHANCE, CHANCE,
        "encrypt sys_guid"),
    with(Call::Known, Call::Known, CHANCE.union(E::HOST_DEPENDENT), CHANCE.union(E::HOST_DEPENDENT),
        "uuid_short"),
    with(Call::Known, Call::Known, CHANCE.union(E::RAND), NONE,
        "rand"),
    with(Call::Known, Call::Known, E::CONNECTION_ID.union(E::HOST_DEPENDENT), E::CONNECTION_ID.union(E::HOST_DEPENDENT),
        "connection_id"),
    with(Call::Known, Call::Known, E::HOST_DEPENDENT, E::HOST_DEPENDENT,
        "version user current_user"),
    with(Call::Glued, Call::Glued, E::HOST_DEPENDENT, E::HOST_DEPENDENT,
        "session_user system_user"),
    with(Call::Known, Call::Unknown, E::HOST_DEPENDENT, E::HOST_DEPENDENT,
        "icu_version"),
    with(Call::Known, Call::Known, E::LAST_INSERT_ID, E::LAST_INSERT_ID.union(E::WRITE),
        "last_insert_id"),
    with(Call::Known, Call::Known, E::LAST_STATEMENT, E::LAST_STATEMENT,
        "found_rows row_count"),
    with(Call::Known, Call::Known, E::SERVER_STATE, E::SERVER_STATE,
        "load_file master_pos_wait"),
    with(Call::Known, Call::Unknown, E::SERVER_STATE, E::SERVER_STATE,
        "source_pos_wait wait_for_executed_gtid_set ps_current_thread_id ps_thread_id roles_graphml
        validate_password_strength"),
    with(Call::Unknown, Call::Known, E::SERVER_STATE, E::SERVER_STATE,
        "master_gtid_wait binlog_gtid_pos wsrep_last_seen_gtid wsrep_last_written_gtid wsrep_sync_wait_upto_gtid
        des_encrypt des_decrypt"),
    with(Call::Known, Call::Known, E::USER_LOCK.union(E::TAKES_USER_LOCK).union(E::WRITE), E::USER_LOCK.union(E::TAKES_USER_LOCK).union(E::WRITE),
        "get_lock"),
    with(Call::Known, Call::Known, E::USER_LOCK.union(E::RELEASES_USER_LOCK).union(E::WRITE), E::USER_LOCK.union(E::RELEASES_USER_LOCK).union(E::WRITE),
        "release_lock release_all_locks"),
    with(Call::Known, Call::Known, E::USER_LOCK.union(E::SERVER_STATE), E::USER_LOCK.union(E::SERVER_STATE),
        "is_free_lock is_used_lock"),
    with(Call::Unknown, Call::Keyword, E::SEQUENCE.union(E::WRITE), E::SEQUENCE.union(E::WRITE),
        "nextval lastval setval"),
];

const FUNCTIONS: &[Function; COUNT] = &{
    let mut entries =
        [Function { name: b"", mysql: Call::Unknown, mariadb: Call::Unknown, bare: NONE, args: NONE }; COUNT];
    let (mut group, mut count) = (0, 0);
    while group < GROUPS.len() {
        let Group { mysql, mariadb, bare, args, names } = GROUPS[group];
        let list = names.as_bytes();
        let mut from = 0;
        while let Some((start, end)) = next_name(list, from) {
            let name = list.split_at(end).0.split_at(start).1;
            entries[count] = Function { name, mysql, mariadb, bare, args };
            count += 1;
            from = end;
        }
        group += 1;
    }
    assert!(count == COUNT);
    entries
};

const INDEX: &Index<2048> = &{
    let mut index = Index::empty();
    let mut position = 0;
    while position < COUNT {
        index.insert(FUNCTIONS[position].name, position);
        position += 1;
    }
    index
};
