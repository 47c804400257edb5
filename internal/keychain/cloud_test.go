package keychain

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
)

// with adds to the environment.
func (h home) with(env ...string) home {
	h.options.Env = append(h.options.Env[:len(h.options.Env):len(h.options.Env)], env...)
	return h
}

// keychain is one on a machine that is nobody's, whatever the test runs on.
func (h home) keychain() *Keychain {
	k := New(h.options)
	k.productFile = filepath.Join(h.dir, "product_name")
	return k
}

func (h home) calls() string { return strings.TrimSpace(h.read("vault/log")) }

func TestCloudOf(t *testing.T) {
	k := New(Options{})
	for repository, want := range map[string]string{
		"ghcr.io/acme/app":                                      "GitHub",
		"gcr.io/project/app":                                    "Google Cloud",
		"eu.gcr.io/project/app":                                 "Google Cloud",
		"europe-docker.pkg.dev/p/r/app":                         "Google Cloud",
		"docker.europe-west3.rep.pkg.dev/p/r/app":               "Google Cloud",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/app":      "AWS",
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com": "AWS",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app":  "AWS",
		"123456789012.dkr-ecr.us-east-1.on.aws/app":             "AWS",
		"public.ecr.aws/acme/app":                               "AWS",
		"acme.azurecr.io/app":                                   "Azure",
		"acme-h4sh.azurecr.io/app":                              "Azure",
		"acme.azurecr.us/app":                                   "Azure",

		"docker.io/acme/app":                                          "",
		"gcr.io/distroless/static":                                    "", // for everybody
		"gcr.io/distroless":                                           "",
		"gcr.io/distrolessish/static":                                 "Google Cloud",
		"mirror.gcr.io/library/alpine":                                "",
		"gcr.io.evil.example/app":                                     "",
		"evilgcr.io/app":                                              "",
		"gcr.io:8080/app":                                             "",
		"evil-docker.pkg.dev.example/app":                             "",
		"ghcr.io.evil.example/app":                                    "",
		"sub.ghcr.io/app":                                             "",
		"12345.dkr.ecr.eu-west-1.amazonaws.com":                       "",
		"123456789012.dkr.ecr.--profile.amazonaws.com":                "",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example/x": "",
		"evil.example.123456789012.dkr.ecr.eu-west-1.amazonaws.com/x": "",
		"s3.eu-west-1.amazonaws.com/x":                                "",
		"azurecr.io/x":                                                "",
		"a.b.azurecr.io/x":                                            "",
		"-o.azurecr.io/x":                                             "",
		"acme.azurecr.io.evil.example/x":                              "",
		"acme.azurecr.io:5000/x":                                      "",
	} {
		got, ok := k.CloudOf(repository)
		if got.Cloud != want || ok != (want != "") || ok && got.Login == "" {
			t.Errorf("%s: %+v, want %q", repository, got, want)
		}
	}
	if _, ok := New(Options{NoCloud: true}).CloudOf("ghcr.io/x"); ok {
		t.Error("a cloud although there should be none")
	}
	if !FromEnv([]string{"IMGO_CLOUD_LOGIN=off"}).NoCloud || FromEnv(nil).NoCloud {
		t.Error("IMGO_CLOUD_LOGIN")
	}
}

func TestGitHub(t *testing.T) {
	for _, tc := range []struct {
		name       string
		env        []string
		repository string
		want       string
	}{
		{"in a job", []string{"GITHUB_TOKEN=tok", "GITHUB_ACTOR=octocat", "GITHUB_SERVER_URL=https://github.com"}, "ghcr.io/acme/app", "octocat:tok"},
		{"in a shell", []string{"GITHUB_TOKEN=tok"}, "ghcr.io/acme/app", "x-access-token:tok"},
		{"none", []string{"GITHUB_ACTOR=octocat"}, "ghcr.io/acme/app", "anonymous"},
		{"elsewhere", []string{"GITHUB_TOKEN=tok"}, "quay.io/acme/app", "anonymous"},
		{"another server's", []string{"GITHUB_TOKEN=tok", "GITHUB_SERVER_URL=https://git.acme.example"}, "ghcr.io/acme/app", "anonymous"},
		{"a server of one's own", []string{"GITHUB_TOKEN=tok", "GITHUB_SERVER_URL=https://git.acme.example/"}, "containers.git.acme.example/app", "x-access-token:tok"},
		{"without TLS", []string{"GITHUB_TOKEN=tok", "GITHUB_SERVER_URL=http://git.acme.example"}, "containers.git.acme.example/app", "anonymous"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t).with(tc.env...)
			if got, err := who(t, h.keychain(), tc.repository); err != nil || got != tc.want {
				t.Errorf("%s, %v, want %s", got, err, tc.want)
			}
		})
	}
}

func TestFilesComeBeforeClouds(t *testing.T) {
	h := newHome(t).with("GITHUB_TOKEN=tok")
	h.write(docker, `{"auths": {"ghcr.io/acme": `+auth("stored:pw")+`}}`)
	for repository, want := range map[string]string{"ghcr.io/acme/app": "stored:pw", "ghcr.io/other/app": "x-access-token:tok"} {
		if got, err := who(t, h.keychain(), repository); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", repository, got, err, want)
		}
	}
	h.write(docker, `{"auths": `)
	if got, err := who(t, h.keychain(), "ghcr.io/acme/app"); err != nil || got != "x-access-token:tok" {
		t.Errorf("with a broken file: %s, %v", got, err)
	}
	h.options.NoCloud = true
	if got, err := who(t, h.keychain(), "ghcr.io/acme/app"); !isA[*ConfigError](err) {
		t.Errorf("without clouds: %s, %v", got, err)
	}
}

const (
	ecr    = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
	secret = "eyJwYXlsb2FkIjoiVGhpc0lzTm90QVJlYWxUb2tlbiJ9"
)

func TestPrograms(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		programs   []string
		env        []string
		files      map[string]string // in the vault
		repository string
		want       string
		calls      string
	}{
		{
			name: "aws", programs: []string{"tool:aws"}, files: map[string]string{"aws.out": secret + "\n"},
			repository: ecr + "/app", want: "AWS:" + secret, calls: "aws ecr get-login-password --region eu-west-1",
		},
		{
			name: "aws, public", programs: []string{"tool:aws"}, files: map[string]string{"aws.out": secret},
			repository: "public.ecr.aws/acme/app", want: "AWS:" + secret, calls: "aws ecr-public get-login-password --region us-east-1",
		},
		{
			name: "Amazon's helper comes first", programs: []string{"tool:aws", "ecr-login"},
			files:      map[string]string{ecr: `{"ServerURL":"x","Username":"AWS","Secret":"` + secret + `"}`},
			repository: ecr + "/app", want: "AWS:" + secret, calls: "get " + ecr,
		},
		{
			name: "then aws", programs: []string{"tool:aws", "ecr-login"}, files: map[string]string{"aws.out": secret},
			repository: ecr + "/app", want: "AWS:" + secret, calls: "get " + ecr + "\naws ecr get-login-password --region eu-west-1",
		},
		{
			name: "nobody is logged in at Amazon", programs: []string{"tool:aws"},
			files:      map[string]string{"aws.err": "\naws: [ERROR]: Unable to locate credentials. You can configure credentials by running \"aws login\".\n"},
			repository: ecr + "/app", want: "anonymous", calls: "aws ecr get-login-password --region eu-west-1",
		},
		{
			name: "az", programs: []string{"tool:az", "acr-env"}, files: map[string]string{"az.out": `{"accessToken": "` + secret + `", "loginServer": "x"}`},
			repository: "acme.azurecr.io/app", want: azureUser + ":" + secret,
			calls: "az acr login --name acme.azurecr.io --expose-token --output json",
		},
		{
			name: "Azure's helper", programs: []string{"tool:az", "acr-env"}, env: []string{"AZURE_CLIENT_ID=id"},
			files:      map[string]string{"acme.azurecr.io": `{"ServerURL":"x","Username":"<token>","Secret":"` + secret + `"}`},
			repository: "acme.azurecr.io/app", want: "identity " + secret, calls: "get acme.azurecr.io",
		},
		{
			name: "nobody is logged in at Azure", programs: []string{"tool:az"}, files: map[string]string{"az.err": "ERROR: Please run 'az login' to setup account.\n"},
			repository: "acme.azurecr.io/app", want: "anonymous", calls: "az acr login --name acme.azurecr.io --expose-token --output json",
		},
		{
			name: "gcloud", programs: []string{"tool:gcloud"}, files: map[string]string{"gcloud.out": secret + "\n"},
			repository: "eu.gcr.io/p/app", want: googleUser + ":" + secret, calls: "gcloud auth print-access-token --quiet",
		},
		{
			name: "nobody is logged in at Google", programs: []string{"tool:gcloud"},
			files:      map[string]string{"gcloud.err": "ERROR: (gcloud.auth.print-access-token) You do not currently have an active account selected.\nPlease run:\n"},
			repository: "gcr.io/p/app", want: "anonymous", calls: "gcloud auth print-access-token --quiet",
		},
		{name: "a public image", programs: []string{"tool:gcloud"}, repository: "gcr.io/distroless/static", want: "anonymous"},
		{name: "nothing installed", repository: "acme.azurecr.io/app", want: "anonymous"},
		{name: "another registry", programs: []string{"tool:gcloud", "tool:az", "tool:aws"}, repository: "r.example/app", want: "anonymous"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, tc.programs...).with(tc.env...)
			for name, content := range tc.files {
				h.write("vault/"+name, content)
			}
			k := h.keychain()
			for range 2 {
				if got, err := who(t, k, tc.repository); err != nil || got != tc.want {
					t.Fatalf("%s, %v, want %s", got, err, tc.want)
				}
			}
			if diff := cmp.Diff(tc.calls, h.calls()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// One login is good for all of Google's registries, and one of Amazon's for one.
func TestLoginsAreAskedForOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t, "tool:gcloud", "tool:aws")
	h.write("vault/gcloud.out", "g")
	h.write("vault/aws.out", "a")
	k := h.keychain()
	for _, repository := range []string{"gcr.io/a/b", "eu.gcr.io/c/d", ecr + "/x", strings.Replace(ecr, "eu-", "us-", 1) + "/x", ecr + "/y"} {
		if got, err := who(t, k, repository); err != nil || got == "anonymous" {
			t.Errorf("%s: %s, %v", repository, got, err)
		}
	}
	if got := strings.Count(h.calls(), "\n") + 1; got != 3 {
		t.Errorf("%d calls:\n%s", got, h.calls())
	}
}

// What runs by itself must not run in a directory that a stranger has filled.
func TestProgramsRunElsewhere(t *testing.T) {
	t.Parallel()
	h := newHome(t, "tool:az")
	h.write("vault/az.out", `{"accessToken": "x"}`)
	if _, err := who(t, h.keychain(), "acme.azurecr.io/app"); err != nil {
		t.Fatal(err)
	}
	want, err := filepath.EvalSymlinks(filepath.Join(h.dir, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := filepath.EvalSymlinks(h.read("vault/where")); err != nil || got != want {
		t.Errorf("az ran in %s, %v", got, err)
	}
}

func TestFailingPrograms(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		programs   []string
		files      map[string]string
		repository string
		want       CloudError
		says       string
	}{
		{
			name: "an expired session", programs: []string{"tool:aws"},
			files: map[string]string{
				"aws.err": "\nThe SSO session has expired\nError when retrieving token from sso: Token has expired and refresh failed\nmore\n",
				"aws.out": secret,
			},
			repository: ecr + "/app", want: CloudError{Cloud: "AWS", Source: "aws", Registry: ecr, Login: "aws sso login or aws configure"},
			says: "asking aws for a login to " + ecr + ": Error when retrieving token from sso: Token has expired and refresh failed (exit status 1)",
		},
		{
			name: "what it says may be secret", programs: []string{"tool:gcloud"},
			files:      map[string]string{"gcloud.err": "ERROR: the server refused " + secret + "\x1b[31m\n"},
			repository: "gcr.io/p/x", want: CloudError{Cloud: "Google Cloud", Source: "gcloud", Registry: "gcr.io", Login: "gcloud auth login"},
			says: "asking gcloud for a login to gcr.io: ERROR: the server refused … [31m (exit status 1)",
		},
		{
			name: "an answer of another kind", programs: []string{"tool:az"}, files: map[string]string{"az.out": `{"token": "` + secret + `"}`},
			repository: "acme.azurecr.io/x", want: CloudError{Cloud: "Azure", Source: "az", Registry: "acme.azurecr.io", Login: "az login"},
			says: "asking az for a login to acme.azurecr.io: its answer has no accessToken",
		},
		{
			name: "silence", programs: []string{"tool:gcloud"}, repository: "gcr.io/p/x",
			want: CloudError{Cloud: "Google Cloud", Source: "gcloud", Registry: "gcr.io", Login: "gcloud auth login"},
			says: "asking gcloud for a login to gcr.io: it printed nothing",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, tc.programs...)
			for name, content := range tc.files {
				h.write("vault/"+name, content)
			}
			_, err := who(t, h.keychain(), tc.repository)
			ce, ok := errors.AsType[*CloudError](err)
			if !ok {
				t.Fatalf("%v", err)
			}
			got := *ce
			if got.Err = nil; got != tc.want {
				t.Errorf("%+v", got)
			}
			if runtime.GOOS != "windows" && err.Error() != tc.says {
				t.Errorf("it says %q,\nwant    %q", err.Error(), tc.says)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%v gives a secret away", err)
			}
		})
	}
}

// A helper that is there by chance and fails doesn't stop the next way.
func TestAnotherWayAfterAFailure(t *testing.T) {
	t.Parallel()
	h := newHome(t, "acr-env", "tool:az").with("AZURE_CLIENT_ID=id")
	h.write("vault/az.out", `{"accessToken": "t"}`)
	h.write("vault/acme.azurecr.io", "nothing of use")
	if got, err := who(t, h.keychain(), "acme.azurecr.io/x"); err != nil || got != azureUser+":t" {
		t.Errorf("%s, %v", got, err)
	}
	h.write("vault/az.out", "")
	_, err := who(t, h.keychain(), "acme.azurecr.io/x")
	if err == nil || !strings.Contains(err.Error(), "docker-credential-acr-env") || !strings.Contains(err.Error(), "asking az") {
		t.Errorf("%v", err)
	}
}

func TestProgramIsEndedWithTheContext(t *testing.T) {
	t.Parallel()
	h := newHome(t, "tool:gcloud")
	h.write("vault/gcloud.out", "g")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k := h.keychain()
	if _, err := k.ResolveContext(ctx, repo(t, "gcr.io/p/x")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if a, err := k.ResolveContext(t.Context(), repo(t, "gcr.io/p/x")); err != nil || a == authn.Anonymous {
		t.Errorf("afterwards: %v, %v", a, err)
	}
}

func FuzzPresentable(f *testing.F) {
	f.Add("ERROR: x\nmore")
	f.Add("\xff\x1b[0m" + secret)
	f.Fuzz(func(t *testing.T, s string) {
		got := presentable(s + " " + secret)
		if strings.Contains(got, secret) || strings.ContainsAny(got, "\n\x1b\x00") || len([]rune(got)) > 301 {
			t.Errorf("%q", got)
		}
	})
}
