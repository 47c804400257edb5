package attest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/publish"
)

// found is an artifact that refers to a subject and may be a bundle.
type found struct {
	manifest string // its digest, or empty
	bundle   json.RawMessage
	broken   string            // why there is none
	tag      *publish.TagError // why, where it is no artifact but the list of them
}

// together is how large the bundles of one subject may be in all, in bytes, and so a
// request to imgo-sigstore: well below wire.MaxMessage, for what else it holds.
const together = 100 << 20

// bundles fetches the bundles that refer to a digest. What can't be used is among them,
// with the reason: anybody who may push can attach something.
func (a *Attester) bundles(ctx context.Context, repo name.Repository, digest v1.Hash) ([]found, error) {
	list, err := a.opts.Registry.Attached(ctx, repo, digest)
	if err != nil {
		return nil, err
	}
	var out []found
	left := together
	for _, ref := range list {
		if ref.Problem == nil && !strings.HasPrefix(ref.ArtifactType, wire.BundlePrefix) {
			continue
		}
		f := found{}
		if ref.Descriptor.Digest != (v1.Hash{}) {
			f.manifest = ref.Descriptor.Digest.String()
		}
		f.bundle, err = a.bundle(ctx, repo, ref)
		switch {
		case errors.As(err, &f.tag), unusable(err):
			f.broken = err.Error()
		case err != nil:
			return nil, err
		case weight(f.bundle) > left:
			f.bundle, f.broken = nil, fmt.Sprintf("too much is attached to %s: of its bundles, %d MiB are read", digest, together>>20)
			return append(out, f), nil // and nothing after it
		}
		left -= weight(f.bundle)
		out = append(out, f)
	}
	return out, nil
}

// unusable reports whether err is about one artifact, which is no reason to give up on the
// others, and not about the registry.
func unusable(err error) bool {
	var artifact *publish.ArtifactError
	var tag *publish.TagError
	var bundle *bundleError
	return errors.As(err, &artifact) || errors.As(err, &tag) || errors.As(err, &bundle)
}

// bundleError says why an artifact that is called a bundle is none.
type bundleError struct{ reason string }

func (e *bundleError) Error() string { return "it is not a bundle: " + e.reason }

func (a *Attester) bundle(ctx context.Context, repo name.Repository, ref publish.Referrer) (json.RawMessage, error) {
	if ref.Problem != nil {
		return nil, ref.Problem
	}
	attachment, err := a.opts.Registry.FetchAttachment(ctx, repo, ref)
	switch {
	case err != nil:
		return nil, err
	case !json.Valid(attachment.Content):
		return nil, &bundleError{"it is not JSON"}
	case deep(attachment.Content):
		return nil, &bundleError{"it is nested too deeply"}
	}
	return attachment.Content, nil
}

// deepestJSON is how deeply JSON may be nested in a bundle. They have some ten levels; what
// encoding/json reads alone, it may not read as a part of a request.
const deepestJSON = 1000

// deep reports whether JSON is nested more deeply than any bundle.
func deep(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > deepestJSON {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// weight is how long a bundle may become in a request: encoding/json writes six bytes for
// these characters.
func weight(bundle []byte) int {
	n := len(bundle)
	for _, c := range []string{"<", ">", "&"} {
		n += 5 * bytes.Count(bundle, []byte(c))
	}
	return n
}

// verdicts judges bundles, in as many requests as their size takes.
func (a *Attester) verdicts(ctx context.Context, request wire.VerifyRequest, bundles []json.RawMessage) ([]wire.Verdict, error) {
	var out []wire.Verdict
	for len(bundles) > 0 {
		n, size := 0, 0
		for n < len(bundles) && (n == 0 || size+weight(bundles[n]) <= together) {
			size += weight(bundles[n])
			n++
		}
		request.Bundles = bundles[:n]
		response, err := a.opts.Sigstore.Verify(ctx, &request)
		if err != nil {
			return nil, err
		}
		if len(response.Bundles) != n {
			return nil, fmt.Errorf("verifying: %d verdicts came back on %d bundles", len(response.Bundles), n)
		}
		out, bundles = append(out, response.Bundles...), bundles[n:]
	}
	return out, nil
}
