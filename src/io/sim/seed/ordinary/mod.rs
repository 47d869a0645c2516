//! Ordinary projects, as in a first run of `doctor`.

pub mod brand_new;
pub mod courses;
pub mod django;
pub mod gallery;
pub mod healthy;
pub mod monorepo;
pub mod node_shop;
pub mod parcels;
pub mod tickets;

use crate::io::sim::seed::Seed;

pub static ORDINARY: &[Seed] = &[
    node_shop::SEED,
    parcels::SEED,
    monorepo::SEED,
    django::SEED,
    healthy::SEED,
    brand_new::SEED,
    courses::SEED,
    tickets::SEED,
    gallery::SEED,
];

#[cfg(test)]
mod tests {
    use crate::io::sim::seed::ordinary::ORDINARY;
    use crate::io::sim::seed::tests::sides;

    /// For each file and service of the first environment: `=` equal, `~` differs, `$` differs from a reference, `#`
    /// sealed, `-` missing.
    #[test]
    fn each_project_has_its_expected_differences() {
        for (name, expected) in [
            ("node-shop", &[".env Postgres --$----", ".env shop ~~$~~~="][..]),
            (
                "parcels",
                &[
                    ".env web ~------$--",
                    ".env api ~$$$==$---",
                    ".env worker ~$$$=~--=~",
                    ".env Postgres --$-------",
                    ".env Redis ---$------",
                ],
            ),
            (
                "monorepo",
                &[
                    "apps/web/.env web $==",
                    "apps/web/.env api --=",
                    "apps/web/.env Postgres ---",
                    "apps/api/.env web --=--",
                    "apps/api/.env api -$==~",
                    "apps/api/.env Postgres -$---",
                ],
            ),
            ("django", &[".env library ~#$$=~=", ".env Postgres ---$---"]),
            ("healthy", &[".env notes =====", ".env Postgres -=---"]),
            ("brand-new", &[".env web ---", ".env worker ---"]),
            (
                "courses",
                &[
                    ".env web ~~~$$$===~~~----$$$--~====~=~~~~=",
                    ".env worker ~~~---==-~~~----$$$$=~=~==~=-----",
                    ".env beat ~~~---==-~~~----$$$$-~====~=-----",
                    ".env Postgres -------------~~~$----------------",
                    ".env Redis -----------------$---------------",
                ],
            ),
            (
                "tickets",
                &[
                    ".env encore-web ~~-==-=$~=~$~~~--------------=--",
                    ".env encore-api ~~---=---------~$-$~=~~~~=---=~-",
                    ".env encore-worker ~~--------------$-$------==~==~-",
                    ".env Postgres ----------------$---------------",
                    ".env Redis ------------------$-------------",
                ],
            ),
            (
                "gallery",
                &[
                    ".env web ~~~===~=$$-~~-=~~===$$$~=--=~~=",
                    ".env sidekiq ~~~---~=$$=~~-=~~=~=$$$~=--=~~-",
                    ".env Postgres --------$----------------------",
                    ".env Redis ---------$---------------------",
                    ".env MinIO -------------------------~~----",
                ],
            ),
        ] {
            let seed = ORDINARY.iter().find(|seed| seed.name == name).expect("it is listed");
            let estate = (seed.estate)();
            let environment = &estate.projects[0].environments[0];
            let mut found = Vec::new();
            for (path, text) in seed.files {
                for service in &environment.services {
                    let row: String = sides(&estate, environment, &service.name, text)
                        .into_iter()
                        .map(|(_, side)| side.sign())
                        .collect();
                    found.push(format!("{path} {} {row}", service.name));
                }
            }
            found.sort_unstable();
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn projects_have_unique_names_and_ids() {
        let mut names: Vec<&str> = ORDINARY.iter().map(|seed| seed.name).collect();
        let mut projects: Vec<String> = ORDINARY.iter().map(|seed| (seed.estate)().projects[0].id.clone()).collect();
        assert_eq!(names.len(), 9);
        names.sort_unstable();
        names.dedup();
        projects.sort_unstable();
        projects.dedup();
        assert_eq!((names.len(), projects.len()), (9, 9));
    }
}
