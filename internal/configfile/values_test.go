package configfile

import (
	"fmt"
	"testing"

	"github.com/imgo-build/imgo/pkg/image"
)

// The pattern for the schema and the parser that is used elsewhere know the same
// platforms.
func TestPlatformPattern(t *testing.T) {
	variants := []string{"", "/v1", "/v4", "/v5", "/v6", "/v7", "/v8", "/v9", "/v10", "/v8.0", "/v8.9", "/v9.0", "/v9.5", "/v9.6", "/7", "/"}
	for _, arch := range []string{
		"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x",
		"armhf", "x86_64", "wasm", "s390", "",
	} {
		for _, variant := range variants {
			s := "linux/" + arch + variant
			_, err := image.ParsePlatform(s)
			if byPattern := matches("^"+platforms+"$", s); byPattern != (err == nil) {
				t.Errorf("%s: by the pattern %t, by the parser %v", s, byPattern, err)
			}
		}
	}
	for _, p := range image.Known() {
		if reason, _ := platform.judge(p.String()); reason != "" {
			t.Error(reason)
		}
	}
}

func TestSignals(t *testing.T) {
	for in, want := range map[string]string{
		"TERM": "SIGTERM", "SIGTERM": "SIGTERM", "15": "SIGTERM", "1": "SIGHUP", "31": "SIGSYS", "SIGRTMIN+3": "SIGRTMIN+3", "RTMAX-14": "SIGRTMAX-14",
		"34": "SIGRTMIN", "37": "SIGRTMIN+3", "49": "SIGRTMIN+15", "50": "SIGRTMAX-14", "64": "SIGRTMAX", "IOT": "SIGIOT",
	} {
		f, err := Parse(fmt.Appendf(nil, "defaults: {stopSignal: %s}", in), "f", "/dir")
		if err != nil || f.Defaults.StopSignal.V != want {
			t.Errorf("%s: %v", in, err)
		}
	}
	for n := -1; n < 70; n++ {
		reason, _ := stopSignal.judge(fmt.Sprint(n))
		if ok := n >= 1 && n <= 64 && n != 32 && n != 33; ok != (reason == "") {
			t.Errorf("%d: %q", n, reason)
		}
	}
}

func TestPortNumbers(t *testing.T) {
	for n := range 70000 {
		if want := n >= 1 && n <= 65535; matches("^"+portNumber+"$", fmt.Sprint(n)) != want {
			t.Fatal(n)
		}
	}
}

// What a hint proposes is valid itself, and examples are.
func TestExamplesAndSuggestions(t *testing.T) {
	for _, c := range []scalar{
		imageName, profileName, repository, repositoryPrefix, tagName, baseReference, platform, mainPackage, variable,
		buildVariable, labelKey, accountName, stopSignal, healthURL, healthText(), source, binaryName, buildTag, buildTags,
		sbomFormat, sbomChoice, signingKey, keyPath, signWords,
		verifyingKey, publicKeyPath, signerIdentity, signerIssuer, signerRegexp, basePreset,
	} {
		if reason, _ := c.judge(c.example); reason != "" {
			t.Errorf("%s: %s", c.want, reason)
		}
	}
	if hint := imageName.meant("!!!"); hint != "for example server" {
		t.Error(hint)
	}
	if got := nearest("buildTasg", []string{"buildTags", "buildEnv"}); got != "buildTags" {
		t.Error(got)
	}
}
