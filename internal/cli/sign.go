package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// registerSigning adds the flags that say how to sign, for imgo push and imgo sign.
func registerSigning(flags *pflag.FlagSet, in *config.AttestInput) {
	flags.StringVar(&in.Key, "key", "", "sign by the private key in `FILE`, as cosign makes it")
	flags.BoolVar(&in.NoTlog, "no-tlog", false, "keep signatures out of the transparency log; only with a key")
	flags.BoolVar(&in.CosignTags, "cosign-tags", false, "put signatures under the tags of older versions of cosign too")
	flags.StringVar(&in.FulcioURL, "fulcio-url", "", "`URL` of the authority that certifies identities, instead of sigstore's")
	flags.StringVar(&in.RekorURL, "rekor-url", "", "`URL` of the transparency log, instead of sigstore's")
	flags.StringVar(&in.TSAURL, "tsa-url", "", "`URL` of an authority that stamps signatures with the time")
	flags.StringVar(&in.TrustedRoot, "trusted-root", "", "`FILE` with the certificates and keys of these services (trusted_root.json), instead of sigstore's")
}

func (a *app) signCommand() *cobra.Command {
	var in config.AttestInput
	cmd := &cobra.Command{
		Use:   "sign [flags] REFERENCE...",
		Short: "Sign images that are in a registry",
		Long: `Sign an image or index that is in a registry, and each image of an index. imgo push
--sign does that for what it builds, together with SBOM and provenance.

With --key the password of the key comes from COSIGN_PASSWORD, or is asked for. Without,
Fulcio gives a certificate to whoever a token vouches for: that of GitHub Actions (with
the permission id-token: write), SIGSTORE_ID_TOKEN, or a login in the browser. What the
same key or identity has signed before is not signed again. cosign verifies it all.`,
		Example: `  imgo sign --key cosign.key ghcr.io/acme/server@sha256:…
  imgo sign ghcr.io/acme/server:v1`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("imgo sign needs the reference of an image in a registry")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := config.Signing(config.Input{Dir: a.Dir, AttestInput: in, Given: a.given(cmd.Flags())})
			if err != nil {
				return err
			}
			return a.runSign(cmd.Context(), *s, args)
		},
	}
	cmd.Flags().SortFlags = false
	registerSigning(cmd.Flags(), &in)
	return cmd
}

func (a *app) runSign(ctx context.Context, s build.Signing, refs []string) error {
	for _, ref := range refs {
		if err := inRegistry(ref); err != nil {
			return err
		}
	}
	return a.withInspector(func(c *imgo.Client) error {
		for _, ref := range refs {
			digest, err := c.Sign(ctx, ref, s)
			if err != nil {
				return fmt.Errorf("signing %s: %w", ref, err)
			}
			if _, err := fmt.Fprintln(a.Stdout, digest.Name()); err != nil {
				return err
			}
		}
		return nil
	})
}

// inRegistry refuses what isn't the reference of an image in a registry.
func inRegistry(ref string) error {
	if imgo.IsArchive(ref) {
		return &build.UsageError{Reason: ref + " is a file: signatures live in a registry, beside the image. Push it with imgo push first"}
	}
	return noPassword(ref)
}

// signing is what a client needs of this process to sign.
func (a *app) signing() imgo.Signing {
	return imgo.Signing{
		Executable: a.Executable, Interactive: a.StdinTTY && !a.inCI(),
		Password: func(_ context.Context, path string) (string, error) {
			if password, ok := a.lookupEnv("COSIGN_PASSWORD"); ok {
				return password, nil
			}
			if !a.StdinTTY || a.ReadPassword == nil {
				return "", &noPasswordError{Key: path}
			}
			fmt.Fprintf(a.Stderr, "Password of %s: ", path)
			password, err := a.ReadPassword()
			fmt.Fprintln(a.Stderr)
			return string(password), err
		},
	}
}

// noPasswordError is a key whose password nobody tells.
type noPasswordError struct{ Key string }

func (e *noPasswordError) Error() string {
	return fmt.Sprintf("the password of %s is in no COSIGN_PASSWORD, and there is no terminal to ask for it", e.Key)
}
