package publish

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/image"
)

// Preparer is a [Publisher] that has something to do before its artifact is there.
type Preparer interface {
	// Prepare finds out what can be known of the place while the artifact is still
	// being made: whether it can be reached and written to, and what it has. The
	// artifact will lie on bases. Calling it is optional; Put makes use of what it found.
	Prepare(ctx context.Context, bases []v1.Image) error
}

// Publisher brings one artifact to one place: a registry's repository, a tarball,
// an OCI layout.
//
// Put and Tag are separate so that whatever belongs to the artifact (SBOM,
// provenance, signature) can be put between them: until Tag, no name points to the
// artifact and no file of the user's has changed.
type Publisher interface {
	// Put transfers everything that the artifact consists of.
	Put(ctx context.Context, a image.Artifact) error
	// Tag moves the names to the artifact: tags in a registry, the file or the
	// index entry on disk. It is called after Put, with the same artifact.
	Tag(ctx context.Context, a image.Artifact) error
	// Close removes whatever Put left behind that Tag did not make visible. It can
	// be called at any time and more than once.
	Close() error
}
