package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

type verifyOptions struct {
	key         string
	trust       attest.Trust
	trustedRoot string
	require     []string
	rebuild     rebuildFlags
	policy      policyFlags
	json        bool
}

func (a *app) verifyCommand() *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [flags] REFERENCE",
		Short: "Check signature, SBOM and provenance of an image",
		Long: `Check what is told of an image in a registry: that the image (or index, and each image
of it) is signed by whom you trust, and that SBOM and provenance are there, by the same
signer and about this image. The exit code is 1 where anything of that is missing or
wrong.

Whom you trust is a public key (--key), or an identity and who vouches for it
(--certificate-identity with --certificate-oidc-issuer, or their -regexp forms).
Signatures of cosign count, in its older scheme too. --require says what has to be there.
Of the images, the configs are read and the layers asked for; --layers reads those too.

--policy holds the images to the policy of .imgo.yaml too, once they are verified. The
base then counts as their provenance tells it, and licences as their SBOM does.

--rebuild builds the image again, from the commit and with the settings, bases and
toolchain that its verified provenance names, and says whether the same digest comes out
or where the two part.`,
		Example: `  imgo verify --key cosign.pub ghcr.io/acme/server:v1
  imgo verify --certificate-identity-regexp 'https://github.com/acme/.*' \
      --certificate-oidc-issuer https://token.actions.githubusercontent.com ghcr.io/acme/server:v1
  imgo verify --key cosign.pub --require signature gcr.io/example/app:latest
  imgo verify --policy ghcr.io/acme/server:v1
  imgo verify --key cosign.pub --rebuild ghcr.io/acme/server:v1`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("imgo verify takes one reference of an image in a registry, but was given %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.policy.requireGiven = cmd.Flags().Changed("require")
			return a.runVerify(cmd.Context(), o, args[0])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.key, "key", "", "public key `FILE`")
	flags.StringVar(&o.trust.Identity, "certificate-identity", "", "`IDENTITY` that signed: a workflow's URL, an e-mail address")
	flags.StringVar(&o.trust.IdentityRegexp, "certificate-identity-regexp", "", "`REGEXP` that the whole identity matches")
	flags.StringVar(&o.trust.Issuer, "certificate-oidc-issuer", "", "`URL` of who vouches for the identity")
	flags.StringVar(&o.trust.IssuerRegexp, "certificate-oidc-issuer-regexp", "", "`REGEXP` that the whole URL matches")
	flags.Var(newList(&o.require, "signature", "sbom", "provenance"), "require", "`KINDS` of statements that have to be there: signature, sbom, provenance")
	flags.BoolVar(&o.trust.IgnoreLog, "insecure-ignore-tlog", false, "accept what a key signed without an entry in a transparency log")
	flags.StringVar(&o.trustedRoot, "trusted-root", "", "`FILE` with the trusted root instead of sigstore's own")
	flags.BoolVar(&o.trust.Offline, "offline", false, "ask nobody but the registry: with a key or --trusted-root")
	flags.BoolVar(&o.trust.Layers, "layers", false, "read all layers and hold them against their digests, instead of asking whether they are there")
	o.policy.register(flags)
	o.rebuild.register(flags)
	flags.BoolVar(&o.json, "json", false, "print one JSON document")
	return cmd
}

// resolve checks the flags and reads the files that they name.
func (o *verifyOptions) resolve(a *app) error {
	if a.fromEnv["key"] {
		o.key = "" // IMGO_KEY is the private key that one's own images are signed by
	}
	if err := o.policy.resolve(a, o); err != nil {
		return err
	}
	t := &o.trust
	identity := t.Identity != "" || t.IdentityRegexp != ""
	issuer := t.Issuer != "" || t.IssuerRegexp != ""
	ofFile := o.key == "" && !identity && !issuer && len(o.policy.demand.Trust) > 0
	switch {
	case ofFile:
	case o.key == "" && !identity && !issuer:
		return &build.UsageError{Reason: "imgo verify needs to know whom you trust: --key FILE, or --certificate-identity and --certificate-oidc-issuer, or --policy and policy.trust in .imgo.yaml"}
	case o.key != "" && (identity || issuer):
		return &build.UsageError{Reason: "whom you trust is a key or an identity, not both: leave out --key, or the --certificate flags"}
	case o.key == "" && !identity:
		return &build.UsageError{Reason: "an issuer vouches for many: add --certificate-identity or --certificate-identity-regexp"}
	case o.key == "" && !issuer:
		return &build.UsageError{Reason: "anybody can claim an identity: add --certificate-oidc-issuer, the URL of who vouches for it"}
	}
	for _, word := range o.require {
		kind := attest.Kind(word)
		if !slices.Contains(attest.Kinds, kind) {
			return &build.UsageError{Reason: fmt.Sprintf("%s %q: there are signature, sbom and provenance", a.how("require"), word)}
		}
		t.Require = append(t.Require, kind)
	}
	read := func(path string, into *string) error {
		if path == "" {
			return nil
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(a.Dir, path)
		}
		raw, err := os.ReadFile(path)
		*into = string(raw)
		return err
	}
	if err := read(o.key, &t.KeyPEM); err != nil {
		return fmt.Errorf("reading the key: %w", err)
	}
	if err := read(o.trustedRoot, &t.TrustedRoot); err != nil {
		return fmt.Errorf("reading the trusted root: %w", err)
	}
	if err := o.rebuild.resolve(a, t); err != nil || !ofFile {
		return err
	}
	return o.policy.whom(o)
}

func (a *app) runVerify(ctx context.Context, o verifyOptions, ref string) error {
	if err := inRegistry(ref); err != nil {
		return err
	}
	if err := o.resolve(a); err != nil {
		return err
	}
	var found *imgo.Verification
	var notRebuilt error
	err := a.withInspector(func(c *imgo.Client) (err error) {
		if found, err = c.Verify(ctx, ref, o.options()); err == nil {
			notRebuilt = o.rebuild.run(ctx, c, found)
			err = ctx.Err()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("verifying %s: %w", ref, err)
	}
	if o.json {
		err = a.printJSON(found)
	} else {
		_, err = io.WriteString(a.Stdout, printable(reportText(&found.Report)+policyText(found.Policy)+rebuildText(found.Rebuild)))
	}
	switch {
	case err != nil:
		return err
	case policyFailure(found) != nil:
		return policyFailure(found)
	case notRebuilt != nil:
		return notRebuilt
	case found.Rebuild != nil && !found.Rebuild.Same:
		return rebuildFailure(found)
	case !found.Verified:
		return errors.New(firstFailure(&found.Report))
	}
	return nil
}

func firstFailure(r *attest.Report) string {
	for _, s := range r.Subjects {
		for _, c := range s.Checks {
			if !c.OK {
				return fmt.Sprintf("%s is not verified: %s", r.Reference, c.Reason)
			}
		}
	}
	return r.Reference + " is not verified"
}

// reportText is a report for people.
func reportText(r *attest.Report) string {
	var b strings.Builder
	fmt.Fprintln(&b, r.Reference)
	for _, s := range r.Subjects {
		what := s.Platform
		if what == "" && len(r.Subjects) > 1 {
			what = "index"
		}
		fmt.Fprintf(&b, "%s\n", strings.TrimSpace(s.Digest+" "+what))
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, c := range s.Checks {
			if !c.OK {
				fmt.Fprintf(w, "  FAILED\t%s\t%s\n", c.Kind, oneLine(c.Reason))
				continue
			}
			fmt.Fprintf(w, "  ok\t%s\t%s\n", c.Kind, oneLine(checkText(c)))
		}
		w.Flush()
		for _, i := range s.Ignored {
			fmt.Fprintf(&b, "  ignored: %s\n", oneLine(i.Reason))
		}
	}
	return b.String()
}

func checkText(c attest.Check) string {
	if c.Kind == attest.Content {
		return c.Detail
	}
	var parts []string
	switch {
	case c.Identity.SAN != "":
		parts = append(parts, fmt.Sprintf("by %s (%s)", c.Identity.SAN, c.Identity.Issuer))
	case c.Identity.Fingerprint != "":
		parts = append(parts, "by key "+c.Identity.Fingerprint)
	}
	if !c.SignedAt.IsZero() {
		parts = append(parts, "on "+c.SignedAt.UTC().Format(time.RFC3339))
	}
	if c.LogIndex > 0 {
		parts = append(parts, fmt.Sprintf("log entry %d", c.LogIndex))
	}
	if c.OldScheme {
		parts = append(parts, "in cosign's older scheme")
	}
	if c.Kind != attest.Signature {
		parts = append(parts, c.PredicateType)
	}
	return strings.Join(parts, ", ")
}
