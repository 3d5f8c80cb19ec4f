# cache.sh: sourced. Sets `cache` to the folder that holds everything provisioned, outside the sources' sight.
cache=${FOREBAY_TEST_CACHE:-$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../../target/provision}
mkdir -p "$cache"
cache=$(realpath "$cache")
