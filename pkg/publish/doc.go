// Package publish brings images and indexes to where they are used, and reads them
// back: registries ([Registry]), tarballs that are a docker-archive and an OCI
// layout at once ([Tarball], [OpenTarball]), OCI layouts on disk ([Layout],
// [OpenLayout]).
//
// It promises:
//   - What arrives is bit by bit what was handed in; every digest is checked where
//     bytes pass through here.
//   - Nothing is half done. Blobs go first, then the manifests that need them, names
//     last; files appear by rename. A failed or cancelled Put leaves neither a name
//     nor a file behind, and an existing file as it was.
//   - Nothing is sent for nothing: a registry is asked about what it may have and
//     told only what it lacks, with as few requests as the protocol allows. What it
//     is known to have is remembered, and forgotten when it turns out to be wrong.
//   - Blobs stream. Memory doesn't grow with the size of an image.
//   - No error or event contains a credential, a token or a URL that may carry one.
//
// It does not make images (pkg/image does) and knows nothing of where credentials
// come from. The errors whose cause a user can do something about are types of this
// package; everything else says what was done to what when it failed.
package publish
