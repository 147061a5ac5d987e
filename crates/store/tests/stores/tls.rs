//! TLS to the database, as the URL asks for it.

use rcgen::generate_simple_self_signed;
use tauline_store::postgres::Cluster;
use tauline_test_postgres::Server;

use crate::place::{Replica, database};

#[test]
fn tls_is_taken_where_it_is_offered_and_judged_where_it_is_required() {
    let Some(server) = Server::start() else {
        return;
    };
    let with = |mode: &str| server.url("ours").replace("sslmode=disable", mode);
    let required = || {
        Cluster::join(&database(&with("sslmode=require")))
            .err()
            .unwrap()
            .to_string()
    };
    let encrypted = || {
        server.sql(
            "public",
            "SELECT count(*) > 0 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE application_name = 'tauline' AND ssl",
        )
    };
    // Not offered yet.
    Replica::lead(&with("sslmode=prefer"), "one")
        .lease
        .give_up()
        .unwrap();
    let refused = required();
    assert!(refused.contains("server does not support TLS"), "{refused}");

    let pair = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    server.offer_tls(&pair.cert.pem(), &pair.signing_key.serialize_pem());
    let replica = Replica::lead(&with("sslmode=prefer"), "one");
    assert_eq!(encrypted(), "t");
    replica.lease.give_up().unwrap();
    drop(replica);
    // Nobody vouches for this certificate.
    let refused = required();
    assert!(refused.contains("certificate"), "{refused}");
    let replica = Replica::lead(&with("sslmode=disable"), "one");
    replica.lease.give_up().unwrap();
    // A Unix socket needs no TLS, whatever is preferred.
    let socket = server
        .socket_url("ours")
        .replace("sslmode=disable", "sslmode=prefer");
    Replica::lead(&socket, "one").lease.give_up().unwrap();
}
