//go:build e2e

package actiontest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/imgo-build/imgo/internal/registrytest"
)

// The key is one of cosign's, made for this test. The program that signs is built where
// a step asks for signing only.
const signWorkflow = `
on: push
env:
  KEY: |
    -----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
    eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
    OCwicCI6MX0sInNhbHQiOiJMdkpmOFBiY0lydnpZRy9qZTJVRkl3NE1EZFcvM1R0
    a2JUMUlDaWJEYkRBPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
    Iiwibm9uY2UiOiJwek5HaW9tbDQxU0FZd21GQUJaSnRDdjZnMzI3Yzc3TyJ9LCJj
    aXBoZXJ0ZXh0IjoiZG81NCtESTJqcHBEajNOdVVMZUxEQzduS1NnYXdBM1JhU0dh
    cXVvQWdiLzdodE1XYk9SQ1o2VEtBVWcrZ2FXV0cyY1EwT3pKMzc3Y1o0V2VDTXJW
    WFNQQW1ETlBoWUFKNDNMTHhhbHU0MWtLdy85LzB3V1lOb1N4QVFJd1I0WnZwb2dD
    UEY3T1VvMGRWMjNNbnBvSnhkaVdqYkppQWtCTzhETGlSTVpuQ1kwRVhwM001SDlT
    bUR6UWl0dm9VN3lIUlg2RzVJNzFUU2VkbVE9PSJ9
    -----END ENCRYPTED SIGSTORE PRIVATE KEY-----
  PUBLIC: |
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdsNTyUUgA4UnDX5il873kAEHWgel
    62ZNRM5bRRZXN7a9XBKg3JeJexIp+sNhPxnSw2B1uMPR5HYnGe1XchCLEw==
    -----END PUBLIC KEY-----
jobs:
  sign:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: ./
        id: unasked
        continue-on-error: true
        with:
          command: push
          working-directory: testdata/mod/server
          packages: ./cmd/server
          tags: REGISTRY/acme/unasked
          args: --sign
      - uses: ./
        id: unsigned
        with:
          command: push
          working-directory: testdata/mod/server
          packages: ./cmd/server
          tags: REGISTRY/acme/unsigned
          sign: false
      - run: ls "$RUNNER_TEMP/imgo-action" >"$RESULTS/programs"
      - run: printf '%s' "$KEY" >"$RUNNER_TEMP/cosign.key" && printf '%s' "$PUBLIC" >"$RUNNER_TEMP/cosign.pub"
      - uses: ./
        id: signed
        with:
          command: push
          working-directory: testdata/mod/server
          packages: ./cmd/server
          tags: REGISTRY/acme/signed
          sign: ${{ runner.temp }}/cosign.key
          args: --no-tlog
        env:
          COSIGN_PASSWORD: secret
      - run: |
          for image in "$SIGNED" "$UNSIGNED"; do
            "$RUNNER_TEMP/imgo-action/imgo" verify --key "$RUNNER_TEMP/cosign.pub" --insecure-ignore-tlog "$image" >>"$RESULTS/verified" || true
          done
        env:
          SIGNED: ${{ steps.signed.outputs.reference }}
          UNSIGNED: ${{ steps.unsigned.outputs.reference }}
      - run: printf '%s' "$STEPS" >"$RESULTS/steps.json"
        env:
          STEPS: ${{ toJSON(steps) }}
`

func TestSign(t *testing.T) {
	t.Parallel()
	reg := registrytest.New(t, registrytest.Options{})
	r := runWorkflow(t, strings.ReplaceAll(signWorkflow, "REGISTRY", reg.Host))
	steps := decode[map[string]step](t, r, "steps.json")

	if got := steps["unasked"].Outcome; got != "failure" {
		t.Errorf("a step that signs without the input sign ended with %q", got)
	}
	if want := "hint: give the action the input sign"; !strings.Contains(r.log(), want) {
		t.Errorf("no %q in the log", want)
	}
	if got := strings.Fields(read(t, r.results+"/programs")); len(got) != 1 {
		t.Errorf("steps that sign nothing built %q", got)
	}
	signed, unsigned := steps["signed"].Outputs["reference"], steps["unsigned"].Outputs["reference"]
	ofSigned, ofUnsigned, ok := strings.Cut(read(t, r.results+"/verified"), unsigned)
	statement := regexp.MustCompile(`(?m)^  ok +(signature|sbom|provenance) `)
	if n := len(statement.FindAllString(ofSigned, -1)); !ok || !strings.HasPrefix(ofSigned, signed) || n != 3 {
		t.Errorf("imgo verify says of the signed image:\n%s", ofSigned)
	}
	if statement.MatchString(ofUnsigned) {
		t.Errorf("imgo verify says of the unsigned image:\n%s", ofUnsigned)
	}
}
