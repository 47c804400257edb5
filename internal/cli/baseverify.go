package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

func (a *app) baseVerifyCommand() *cobra.Command {
	var f baseFlags
	var t build.BaseTrust
	cmd := &cobra.Command{
		Use:   "verify [flags] [REFERENCE...]",
		Short: "Check who signed bases",
		Long: `Check that the bases of the configuration, in all its profiles, or those that are named,
are signed by whom the configuration (verifyBase) says, or the flags: what imgo.lock pins
them to, or else what their tags point to now. Nothing that an earlier run found out is
believed. The exit code is 1 where one isn't signed, or nothing says by whom it has to be.`,
		Example: `  imgo base verify
  imgo base verify gcr.io/distroless/base-debian13 --verify-base distroless
  imgo base verify --key base.pub registry.example/bases/go:1`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runBaseVerify(cmd, f, t, args) },
	}
	cmd.Flags().SortFlags = false
	f.register(cmd)
	f.registerTrust(cmd)
	flags := cmd.Flags()
	flags.StringVar(&t.Key, "key", "", "public key `FILE`")
	flags.StringVar(&t.Identity, "certificate-identity", "", "`IDENTITY` that signed: a workflow's URL, an e-mail address")
	flags.StringVar(&t.IdentityRegexp, "certificate-identity-regexp", "", "`REGEXP` that the whole identity matches")
	flags.StringVar(&t.Issuer, "certificate-oidc-issuer", "", "`URL` of who vouches for the identity")
	flags.StringVar(&t.IssuerRegexp, "certificate-oidc-issuer-regexp", "", "`REGEXP` that the whole URL matches")
	flags.BoolVar(&t.NoLog, "insecure-ignore-tlog", false, "accept what the key signed without an entry in a transparency log")
	return cmd
}

// resolveTrust checks the flags that say whose signatures count. It is nil where there are
// none, and the configuration decides. IMGO_KEY doesn't count here: it is the key that one's
// own images are signed by.
func (a *app) resolveTrust(f *baseFlags, t build.BaseTrust) (*build.BaseTrust, error) {
	if a.fromEnv["key"] {
		t.Key = ""
	}
	if t.Key+t.Identity+t.IdentityRegexp+t.Issuer+t.IssuerRegexp == "" {
		if t.NoLog && !a.fromEnv["insecure-ignore-tlog"] {
			return nil, &build.UsageError{Reason: "--insecure-ignore-tlog needs --key; in .imgo.yaml it is verifyBase: {key: …, log: false}"}
		}
		return nil, nil
	}
	if f.in.VerifyBase != "" && !a.fromEnv["verify-base"] {
		return nil, &build.UsageError{Reason: "--verify-base says who has to have signed the bases: leave it out, or --key and the --certificate flags"}
	}
	dir := a.Dir
	if c := f.in.Chdir; filepath.IsAbs(c) {
		dir = c
	} else if c != "" {
		dir = filepath.Join(dir, c)
	}
	for _, path := range []*string{&t.Key, &f.in.TrustedRoot} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	t.TrustedRoot = f.in.TrustedRoot
	check := verifyOptions{key: t.Key, trustedRoot: t.TrustedRoot, trust: attest.Trust{
		Identity: t.Identity, IdentityRegexp: t.IdentityRegexp, Issuer: t.Issuer, IssuerRegexp: t.IssuerRegexp, IgnoreLog: t.NoLog,
	}}
	return &t, check.resolve(a)
}

func (a *app) runBaseVerify(cmd *cobra.Command, f baseFlags, t build.BaseTrust, args []string) error {
	trust, err := a.resolveTrust(&f, t)
	if err != nil {
		return err
	}
	f.own = trust != nil
	var found []imgo.BaseVerification
	err = a.withBases(cmd, f, func(client *imgo.Client, list config.BaseList) error {
		found, err = verifyBases(cmd.Context(), client, list, trust, args)
		return err
	})
	if err != nil {
		return err
	}
	if len(found) == 0 && !a.quiet {
		fmt.Fprintln(a.Stderr, "no base here is anybody's but imgo's: there is nothing to verify")
	}
	return a.printVerified(found, f.json)
}

func verifyBases(ctx context.Context, client *imgo.Client, list config.BaseList, trust *build.BaseTrust, args []string) ([]imgo.BaseVerification, error) {
	uses, err := basesNamed(client, list, args)
	if err != nil {
		return nil, err
	}
	if trust != nil {
		for i := range uses {
			uses[i].Trust = []build.BaseTrust{*trust}
		}
	}
	return client.VerifyBases(ctx, uses)
}

// printVerified writes NAME@DIGEST and who signed it, a line for each base that is
// verified. The others are errors.
func (a *app) printVerified(found []imgo.BaseVerification, asJSON bool) error {
	var errs []error
	var lines strings.Builder
	for _, b := range found {
		if b.Err != nil {
			errs = append(errs, b.Err)
			continue
		}
		var by []string
		for _, s := range b.By {
			by = append(by, s.String())
		}
		name, _, _ := strings.Cut(b.Name, "@")
		fmt.Fprintf(&lines, "%s@%s verified by %s\n", name, b.Digest, strings.Join(by, " and "))
	}
	var err error
	if asJSON {
		if found == nil {
			found = []imgo.BaseVerification{}
		}
		err = a.printJSON(struct {
			Bases []imgo.BaseVerification `json:"bases"`
		}{found})
	} else {
		_, err = fmt.Fprint(a.Stdout, printable(lines.String()))
	}
	return errors.Join(append(errs, err)...)
}
