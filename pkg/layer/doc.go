// Package layer turns files into image layers: a deterministic tar, compressed
// and hashed in one pass on its way into a store.
//
// What it promises:
//
//   - The same files give the same bytes, and so the same digest, on every
//     machine, with any number of cores and in whatever order they are given.
//     Nothing of the file system but content, permission bits and link targets
//     gets in: times are the Unix epoch, owners are the numbers that the caller
//     gives (0:0 by default), without names.
//   - A pass needs a few MiB of memory, whatever the layer's size.
//   - A layer is either in the store as a whole or not at all.
//   - Work that the store remembers is not done again.
//
// It is not for reading or changing layers that others made, and it knows nothing
// of images. The bytes are part of what users compare between machines and over
// years: whoever changes them, here or by a new version of the compressor, raises
// [Version] or [ZstdVersion].
package layer
