#!/bin/sh
# How often some words are used in the comments of Rust sources, per 1,000 lines of comments:
#
#     tools/comment-words.sh                  all of src
#     tools/comment-words.sh src/drop src/id.rs
#
# A line counts once for each word that it holds. Well-kept Rust libraries have about 4 "where", 50 "if", and none of
# the others; `where` is for places, `if` for conditions.
set -eu
[ $# -gt 0 ] || set -- src
find "$@" -name '*.rs' -print0 | sort -z | xargs -0 cat | awk '
    match($0, /\/\/[\/!]? /) {
        # A `//` in a text, as in `https://`, has no space after it.
        text = tolower(substr($0, RSTART))
        gsub(/[^a-z]+/, " ", text)
        text = " " text " "
        lines++
        if (text ~ / where /) count["where"]++
        if (text ~ / if /) count["if"]++
        if (text ~ / (tell|tells|told|telling) /) count["tell, told"]++
        if (text ~ / (stand|stands|stood|standing) /) count["stand, stood"]++
        if (text ~ / (nobody|whoever|somebody) /) count["nobody, whoever, somebody"]++
    }
    END {
        printf "%d lines of comments; per 1,000 of them:\n", lines
        words = split("where;if;tell, told;stand, stood;nobody, whoever, somebody", word, ";")
        for (i = 1; i <= words; i++)
            printf "  %-26s %5.1f\n", word[i], lines ? 1000 * count[word[i]] / lines : 0
    }'
