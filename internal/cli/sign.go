package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// signFlags say who signs, for imgo sign.
type signFlags struct{ s build.Signing }

func (f *signFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.s.Key, "key", "", "private key `FILE` of cosign; without one, Fulcio certifies who you are")
	flags.BoolVar(&f.s.NoLog, "no-tlog", false, "write nothing to a transparency log (only with a key)")
	flags.BoolVar(&f.s.CosignTags, "cosign-tags", false, "sign in cosign's older scheme (tags sha256-….sig) as well")
	flags.StringVar(&f.s.FulcioURL, "fulcio-url", "", "`URL` of a Fulcio of your own")
	flags.StringVar(&f.s.RekorURL, "rekor-url", "", "`URL` of a Rekor of your own")
	flags.StringVar(&f.s.TSAURL, "tsa-url", "", "`URL` of a timestamp authority")
	flags.StringVar(&f.s.TrustedRoot, "trusted-root", "", "`FILE` with the trusted root of services of your own")
}

// signing checks the flags; paths begin in dir.
func (f *signFlags) signing(a *app) (build.Signing, error) {
	s := f.s
	for _, p := range []*string{&s.Key, &s.TrustedRoot} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(a.Dir, *p)
		}
	}
	if s.NoLog && s.Key == "" {
		return s, &build.UsageError{Reason: a.how("no-tlog") + " needs --key: without a log, nothing says that a short-lived certificate was valid when it was used"}
	}
	return s, nil
}

func (a *app) signCommand() *cobra.Command {
	var f signFlags
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
			s, err := f.signing(a)
			if err != nil {
				return err
			}
			return a.runSign(cmd.Context(), s, args)
		},
	}
	f.register(cmd.Flags())
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
