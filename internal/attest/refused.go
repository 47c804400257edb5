package attest

import (
	"errors"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/publish"
)

// asked reports whether anybody asked for what is told of an image: by a flag, a variable
// or the configuration.
func asked(m *build.Made) bool {
	origins := m.Target.Settings.Origins
	return origins["sbom"] != "" || origins["provenance"] != "" || origins["sign"] != ""
}

// unasked passes over err where a registry keeps no documents and nobody asked for them:
// not every registry does, and the image itself is there.
func (a *Attester) unasked(m *build.Made, repo name.Repository, err error) error {
	reason := refusal(err)
	if reason == "" || asked(m) {
		return err
	}
	a.warn(repo, "%s keeps no SBOM of it: %s; --sbom none says so for good", repo.RegistryStr(), reason)
	return nil
}

// refusal is why a registry doesn't keep what was to be kept beside an image, or empty
// where err is about something else: the network, a registry in trouble, credentials.
func refusal(err error) string {
	var refused *publish.AttachError
	var tag *publish.TagError
	switch {
	case errors.As(err, &refused):
		return refused.Err.Error()
	case errors.As(err, &tag):
		return tag.Error()
	}
	return ""
}
