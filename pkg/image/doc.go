// Package image assembles images: it turns a base, layers and settings into a
// [v1.Image], and images of several platforms into a [v1.ImageIndex].
//
// What it promises:
//
//   - Pure: equal [Parts] give equal bytes. Nothing is read from the environment,
//     the clock, the disk or the network, and no blob is opened; layers stay as
//     lazy as they came.
//   - A manifest never mixes OCI's and Docker's media types, whatever the base
//     uses. Layers that need another media type keep their bytes, digest and
//     [Sourced].
//   - Of the base only what its files need is taken over (layers, history,
//     environment and what FROM of a Dockerfile inherits), never what describes
//     the base itself: its command, labels and annotations.
//   - A base that contradicts itself is a [*BaseError], not an image that fails
//     where it runs.
//
// It is not for editing images that are finished, nor for making layers
// (pkg/layer) or finding bases (internal/base).
//
// The bytes of manifests and configs are what users compare between machines and
// over years. Whoever changes them raises [Version]; golden files under testdata
// make sure that this does not happen unnoticed.
package image

// Version names the way in which manifests and configs are put together. Images
// can be compared byte by byte only where it is the same. It goes into an image's
// provenance together with the versions of the layer format and of the embedded
// runtime layer.
const Version = "1"
