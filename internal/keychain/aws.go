package keychain

import (
	"context"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/imgo-build/imgo/internal/pattern"
)

// aws are the registries of Amazon: private ones, a region each, and the public one.
func (k *Keychain) aws(region string) *cloud {
	cli := tool{
		name: "aws", args: []string{"ecr", "get-login-password", "--region", region},
		absent: []string{"Unable to locate credentials"}, env: k.opts.Env,
	}
	if region == publicECR {
		cli.args = []string{"ecr-public", "get-login-password", "--region", "us-east-1"} // it is there only
	}
	return &cloud{
		Advice: Advice{Cloud: "AWS", Programs: []string{"docker-credential-ecr-login", "aws"}, Login: "aws sso login or aws configure"},
		ways: []way{
			k.installed("ecr-login"),
			{source: "aws", get: func(ctx context.Context, _ string) (authn.Authenticator, error) {
				out, err := cli.run(ctx)
				return basic("AWS", out), err
			}},
		},
	}
}

// publicECR stands for the region of Amazon's public registry.
const publicECR = "public"

// ecrHost is what comes before the domain: account, service and region.
var ecrHost = pattern.New(`^[0-9]{12}\.dkr[.-]ecr(?:-fips)?\.([a-z][a-z0-9-]*)$`)

// awsRegistry returns the region of a registry of Amazon's.
func awsRegistry(host string) (region string, ok bool) {
	if host == "public.ecr.aws" {
		return publicECR, true
	}
	for _, domain := range []string{
		".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".on.aws", ".on.amazonwebservices.com.cn",
		".c2s.ic.gov", ".sc2s.sgov.gov", ".cloud.adc-e.uk", ".csp.hci.ic.gov",
	} {
		if rest, ok := strings.CutSuffix(host, domain); ok {
			if m := ecrHost.FindStringSubmatch(rest); m != nil {
				return m[1], true
			}
		}
	}
	return "", false
}
