// Package sign makes and judges signatures: Sigstore bundles over in-toto statements,
// and the signatures of cosign's older scheme. It is the only package that imports
// cosign's and sigstore's, and runs in a process of its own (cmd/imgo-sigstore),
// because their initialisers would cost every run of imgo some 30 ms. What it is asked
// and answers is in [wire].
//
// Both forms are one thing here. A layer of the older scheme is turned into a bundle
// (of version 0.1, or with a message signature instead of an envelope) before it is
// judged, and made from one after signing, so that one path of code decides.
//
// It promises:
//   - With a key and without a log nothing is asked of the network.
//   - All signatures of a request are by one key, and a certificate is asked for once.
//   - What the services answered is verified before it is returned, where their keys
//     are known (see wire.Signer.TrustedRoot).
//   - A certificate counts only at a time that a trusted log or timestamp authority
//     vouches for, never by the clock of the machine.
//   - If the trusted root names logs, an entry in one of them is required, and if it
//     names certificate transparency logs, a timestamp of one: the root says what the
//     deployment has. Only a key may do without ([wire.VerifyRequest.IgnoreLog]).
//   - The reason for a refusal is found by looking at each part again ([diagnose]),
//     never in the words of an error.
//
// It doesn't know registries, and doesn't compare a statement with an image.
package sign

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// Serve answers a request. Words of the interactive flow go to words.
func Serve(ctx context.Context, req *wire.Request, words io.Writer) *wire.Response {
	resp := &wire.Response{Version: wire.Version}
	if err := serve(ctx, req, resp, words); err != nil {
		*resp = wire.Response{Version: wire.Version, Error: asError(err)}
	}
	return resp
}

func serve(ctx context.Context, req *wire.Request, resp *wire.Response, words io.Writer) (err error) {
	if req.Version != wire.Version {
		return failf(wire.CodeVersion, "imgo speaks version %d of the protocol, imgo-sigstore version %d", req.Version, wire.Version)
	}
	n := 0
	if req.Sign != nil {
		n++
	}
	if req.Verify != nil {
		n++
	}
	if req.PublicKey != nil {
		n++
	}
	switch {
	case n > 1:
		return failf(wire.CodeProtocol, "a request asks for one thing, not %d", n)
	case req.Sign != nil:
		resp.Sign, err = Sign(ctx, req.Sign, words)
	case req.Verify != nil:
		resp.Verify, err = Verify(ctx, req.Verify)
	case req.PublicKey != nil:
		resp.PublicKey, err = PublicKey(req.PublicKey)
	}
	return err
}

// failf makes an error with a code.
func failf(code wire.Code, format string, args ...any) *wire.Error {
	return &wire.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// asError gives an error that has no code yet the one for what nobody foresaw.
func asError(err error) *wire.Error {
	var coded *wire.Error
	if errors.As(err, &coded) {
		return coded
	}
	return failf(wire.CodeInternal, "%s", err)
}
