package cli

import (
	"errors"
	"strings"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// presetBases are where the bases lie that a preset is about.
var presetBases = map[string]string{"distroless": "gcr.io/distroless/", "chainguard": "cgr.dev/chainguard/"}

// hintVerifyBase is what to do about bases that somebody has to have signed.
func hintVerifyBase(err error) string {
	if e, ok := errors.AsType[*imgo.BaseSignatureError](err); ok {
		return unsignedHint(e)
	}
	if is[*imgo.UnsignableBaseError](err) {
		return "push it to a registry and sign it there (imgo sign), or build on it as it is with verifyBase: none (--verify-base none)"
	}
	if is[*imgo.NoBaseTrustError](err) {
		return "say it with verifyBase in .imgo.yaml, or with --verify-base, --key or the --certificate flags"
	}
	if e, ok := errors.AsType[*wire.Error](err); ok && is[*imgo.BaseVerifyError](err) && e.Code == wire.CodeNoTrustedRoot {
		return "check the network, or name the file with --trusted-root; what a key signed outside of a log is accepted with verifyBase: {key: …, log: false}"
	}
	return ""
}

func unsignedHint(e *imgo.BaseSignatureError) string {
	if place := presetBases[e.Want.Preset]; place != "" && !strings.HasPrefix(e.Name, place) {
		return e.Want.Preset + " is for bases of " + strings.TrimSuffix(place, "/") + ": say who signs this one, verifyBase: {key: base.pub} or {identity: …, issuer: …}, or that nobody has to with verifyBase: none"
	}
	const careful = "don't build on it before you know why: "
	if len(e.Others) == 0 {
		return careful + "its tag may have moved to an image that isn't signed (yet), or a mirror may lack the signatures; imgo base lock pins the last one that is signed"
	}
	text := careful + "where another signer is right, name it with verifyBase"
	if e.Want.Key != "" && !e.Want.NoLog {
		text += "; what the key signed outside of a log is accepted with {key: …, log: false}"
	}
	return text
}
