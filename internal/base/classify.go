package base

import (
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/imgo-build/imgo/pkg/publish"
)

// classify turns what came of a request for what into an error of pkg/publish.
func (c *session) classify(what string, err error) error {
	if notFound(err) {
		return &publish.NotFoundError{Reference: what}
	}
	return publish.Classify(c.repo, c.anonymous, false, err)
}

// notFound reports whether a registry says that it has no such thing.
func notFound(err error) bool {
	e, ok := errors.AsType[*transport.Error](err)
	return ok && e.StatusCode == http.StatusNotFound
}
