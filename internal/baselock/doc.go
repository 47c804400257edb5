// Package baselock keeps imgo.lock, the file beside the configuration that pins the
// tags of bases to digests, so that everybody builds on the same ones until somebody
// decides to move.
//
// What it promises:
//
//   - One set of bases has one form, sorted by name: changes are small, and merges
//     rarely meet.
//   - Reading is strict, and an error names the line. A field that this imgo does not
//     know is refused rather than carried along: it may say who has to have signed a
//     base, and to pass over that would be worse than to stop.
//   - The file is replaced as a whole or not at all, and not touched where nothing
//     has changed.
//
// A name is pinned as it is recorded in images: fully qualified and with its tag, such
// as "docker.io/library/alpine:3.24". The digest is that of the index where there is
// one, so that a lock holds for all platforms. Beside it is written who had signed it, where
// somebody had to have: a record that people see change, while what has to be is said by the
// configuration.
//
// [EndOfLife] knows until when the releases of distributions are looked after. It says
// nothing of what day it is. The package asks no registry and resolves nothing.
package baselock
