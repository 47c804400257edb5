package imgo

import (
	"cmp"
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/pkg/publish"
)

// PolicyReport says whether an image in a registry is as a policy demands.
type PolicyReport struct {
	Holds      bool              `json:"holds"`
	Rules      []policy.Rule     `json:"rules"` // of the policy
	Violations []PolicyViolation `json:"violations"`
}

// PolicyViolation is a reason why it is not.
type PolicyViolation struct {
	Platform string      `json:"platform,omitempty"`
	Rule     policy.Rule `json:"rule"`
	Subject  string      `json:"subject,omitempty"` // what breaks the rule; empty for the image as a whole
	Value    string      `json:"value,omitempty"`   // of licenses: the expression
	Unknown  bool        `json:"unknown,omitempty"` // it can't be told whether the rule holds
	Text     string      `json:"text"`
}

// holdTo judges each image of what was verified by a policy. Nothing is taken for known
// that others than the signers of the report could have made up: bases come from the
// provenance, licences from the SBOM, and everything else from the bytes of the image.
func (c *Client) holdTo(ctx context.Context, repo name.Repository, r *attest.Report, rules *policy.Policy, allowed allowance) (*PolicyReport, error) {
	out := &PolicyReport{Holds: true, Rules: rules.Rules(), Violations: []PolicyViolation{}}
	add := func(f policy.Facts) {
		for _, v := range rules.Check(f) {
			out.Violations = append(out.Violations, PolicyViolation{v.Platform, v.Rule, v.Subject, v.Value, v.Unknown, v.Text})
		}
	}
	judged := 0
	for i := range r.Subjects {
		s := &r.Subjects[i]
		ref := repo.Digest(s.Digest)
		artifact, err := c.registry.Fetch(ctx, ref)
		if err != nil {
			return nil, err
		}
		img, ok := artifact.(v1.Image)
		if !ok {
			continue // its images are subjects of their own
		}
		f, err := c.verifiedFacts(ctx, ref, img, s, rules, allowed)
		if err != nil {
			return nil, fmt.Errorf("holding %s to the policy: %w", ref, err)
		}
		add(f)
		judged++
	}
	if judged == 0 {
		add(policy.Facts{}) // of an index without images, nothing is known
	}
	out.Holds = len(out.Violations) == 0
	return out, nil
}

// verifiedFacts are those of one image.
func (c *Client) verifiedFacts(ctx context.Context, ref name.Digest, img v1.Image, r *attest.SubjectReport, rules *policy.Policy, allowed allowance) (policy.Facts, error) {
	s := &subject{arg: ref.String(), ref: ref, archive: &publish.Archive{}}
	seen, err := inspectImage(img)
	if err != nil {
		return policy.Facts{}, s.classify(err)
	}
	h := held{client: c, subject: s, image: img, seen: seen}
	f := h.facts()
	f.Platform = cmp.Or(r.Platform, f.Platform)
	for _, kind := range attest.Kinds {
		if verified(r, kind) != nil {
			f.Attestations = append(f.Attestations, string(kind))
		}
	}
	why := ""
	if rules.Has(policy.Bases) {
		f.Base, why = h.verifiedBase(r, f.Platform)
		f.BaseKnown, f.Why[policy.Bases] = why == "", why
	}
	if rules.Has(policy.LicensesRule) {
		f.Licenses, why = h.verifiedLicenses(r)
		f.LicensesKnown, f.Why[policy.LicensesRule] = why == "", why
	}
	return f, h.look(ctx, rules, &f, allowed)
}

// verifiedBase is the base that the image names, where its provenance was verified and
// names the same. why says why it is not known.
func (h *held) verifiedBase(r *attest.SubjectReport, platform string) (base, why string) {
	check := verified(r, attest.Provenance)
	if check == nil {
		return "", "the image has no provenance that was verified, and anybody can write annotations"
	}
	for i, statement := range check.Statements {
		told, problem := h.toldBase(statement, platform)
		if problem == "" {
			return told, ""
		}
		if i == 0 {
			why = problem
		}
	}
	return "", why
}

// toldBase is the base that the image and a statement name.
func (h *held) toldBase(statement []byte, platform string) (base, why string) {
	parsed, err := provenance.Parse(statement)
	if err != nil {
		return "", err.Error()
	}
	recorded, known := h.recordedBase()
	for _, b := range parsed.Bases {
		if b.Platform != "" && b.Platform != platform {
			continue
		}
		switch told := b.Material.Name; {
		case told == "":
			return "", "it came from a file"
		case recorded != "" && recorded != told:
			return "", fmt.Sprintf("the image names %q and its provenance %q", recorded, told)
		default:
			return told, ""
		}
	}
	switch {
	case recorded != "":
		return "", fmt.Sprintf("the image names %q and its provenance none", recorded)
	case !known:
		return "", "neither the image nor its provenance names it"
	}
	return "", ""
}
