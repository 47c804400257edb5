package imgo

import (
	"cmp"
	"context"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/policy"
)

// VerifyOptions say what [Client.Verify] holds an image against.
type VerifyOptions struct {
	Trust attest.Trust
	// Others are trusted as well: it takes one of them who answers for all that is required.
	Others []attest.Trust
	// Policy is what each image that is verified is held to besides; nil for nothing.
	Policy *policy.Policy
	// AllowSecrets names what may look like a secret: variables, labels and annotations by
	// their keys, files by absolute paths in the image, which may be patterns.
	AllowSecrets []string
}

// Verification is what came out of it.
type Verification struct {
	attest.Report
	Policy  *PolicyReport `json:"policy,omitempty"`  // nil where nobody vouches for the image, too
	Rebuild *Rebuild      `json:"rebuild,omitempty"` // see [Client.Rebuild]
}

// Verify judges an image or index in a registry. An error means that it can't be told;
// what is wrong with the image is in the verification.
func (c *Client) Verify(ctx context.Context, ref string, o VerifyOptions) (*Verification, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	attester := c.attester()
	report, err := anyOf(append([]attest.Trust{o.Trust}, o.Others...), func(t attest.Trust) (*attest.Report, error) {
		return attester.Verify(ctx, r, t)
	})
	if err != nil {
		return nil, err
	}
	out := &Verification{Report: *report}
	if o.Policy == nil || !report.Verified {
		return out, nil
	}
	out.Policy, err = c.holdTo(ctx, r.Context(), report, o.Policy, o.AllowSecrets)
	if err != nil {
		return nil, err
	}
	out.Verified = out.Policy.Holds
	return out, nil
}

// anyOf returns the report of the first of several that is verified, else that of the
// first. Where there is no such and one of them can't be told, that is an error.
func anyOf(trusts []attest.Trust, verify func(attest.Trust) (*attest.Report, error)) (*attest.Report, error) {
	var first *attest.Report
	var untold error
	for _, t := range trusts {
		r, err := verify(t)
		switch {
		case err != nil:
			untold = cmp.Or(untold, err)
		case r.Verified:
			return r, nil
		default:
			first = cmp.Or(first, r)
		}
	}
	if untold != nil {
		return nil, untold
	}
	return first, nil
}
