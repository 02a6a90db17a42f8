# Shorter ways to what is done often. Nothing here is needed: `.ci/run` and plain cargo do without.

# What there is.
default:
    @just --list --unsorted

# Format, lints, links, as `.ci/run` has them.
check:
    rustfmt --check --edition 2024 $(git ls-files '*.rs')
    RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__ cargo build --workspace --all-targets
    python3 .ci/links.py

# Format all: `cargo fmt` does not find kinds, which are modules that a macro declares.
fmt:
    rustfmt --edition 2024 $(git ls-files '*.rs')

# All tests.
test *arguments:
    cargo test --workspace {{arguments}}

# The laws of one kind.
law kind:
    cargo test -p terrace-aws --test laws -- ::{{kind}}

# Kill the program at every call of the shop's ladder, and answer with a table. Forty minutes on two cores; a sample is in `test`.
crash-matrix:
    TERRACE_CRASH=full TERRACE_CRASH_JOBS=10 cargo test --workspace --test crash

# The shop's ladder in ten storms.
storms:
    for seed in 1 2 3 4 5 6 7 8 9 10; do cargo run --quiet -- rehearse stacks/shop --weather storm --seed $seed; done

# Ten minutes of wrong input for each reader: a stack's files, expressions, what was saved.
fuzz:
    for target in loader expression saved; do cargo run --quiet -p terrace-aws --example fuzz_loop -- $target 600; done

# What a start and a large plan cost. With the dev profile, in which our crates are optimised: a release build takes long.
bench:
    cargo bench --profile dev -p terrace --bench startup
    cargo bench --profile dev -p terrace-core --bench plan

# Accept what the snapshot tests say now; read the difference in git.
snap:
    INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo test --workspace --exclude terrace-aws

# Write the generated reference and pictures.
docs: pictures
    cargo run --quiet -- docs --write docs

# Draw the stacks of this repository.
pictures:
    cargo build --quiet
    for stage in single-instance split-database multi-az cdn-offload read-replicas; do \
        target/debug/terrace graph stacks/shop --env prod --stage $stage --format svg --out docs/images/shop-$stage.svg; \
    done
    for stage in site cdn; do \
        target/debug/terrace graph stacks/wordpress --env prod --stage $stage --format svg --out docs/images/wordpress-$stage.svg; \
    done
    target/debug/terrace graph stacks/reader --format svg --out docs/images/reader.svg
    for stack in shop wordpress; do \
        target/debug/terrace stages stacks/$stack --env prod --format svg --out docs/images/$stack-stages.svg; \
    done

# The corrections' tests, in plain boto3, against an emulator of their own.
emulator:
    cargo test -p terrace-sandbox -- the_corrections_prove_themselves --nocapture

# A plan of a stack against a real account: reads only.
live stack *arguments:
    cargo run --quiet -- plan {{stack}} {{arguments}}

# The files of a new kind: `just new-kind ec2 nat_gateway`.
new-kind service kind:
    #!/usr/bin/env bash
    set -euo pipefail
    type=$(sed -E 's/(^|_)(.)/\U\2/g' <<<'{{kind}}')
    file='crates/aws/src/kinds/{{service}}/{{kind}}.rs'
    [[ ! -e $file ]] || { echo "$file is there already" >&2; exit 1; }
    sed -e "s/DbSubnetGroup/$type/g" -e 's/db_subnet_group/{{kind}}/g' crates/aws/src/kinds/rds/db_subnet_group.rs >"$file"
    cp examples/db_subnet_group.toml 'examples/{{kind}}.toml'
    sed -i 's/db_subnet_group/{{kind}}/' 'examples/{{kind}}.toml'
    echo "made $file and examples/{{kind}}.toml, copies of db_subnet_group to be rewritten"
    echo "now: add \`{{kind}} $type\` under {{service}} in crates/aws/src/kinds.rs"
