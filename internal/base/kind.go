package base

import (
	"encoding/json"
	"fmt"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// manifestType tells what a manifest is, from its own words and structure. The
// Content-Type that it came with is asked only where it says nothing itself: unlike
// the bytes, it is not covered by a digest.
func manifestType(raw []byte, contentType types.MediaType) (types.MediaType, error) {
	var m struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     types.MediaType `json:"mediaType"`
		Manifests     json.RawMessage `json:"manifests"`
		Layers        json.RawMessage `json:"layers"`
		Config        json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", fmt.Errorf("its manifest is malformed: %w", err)
	}
	mediaType := m.MediaType
	switch {
	case mediaType.IsSchema1() || m.SchemaVersion == 1:
		return "", fmt.Errorf("its manifest is of Docker's outdated schema 1: pull and push it again with a current tool")
	case m.Manifests != nil && (m.Layers != nil || m.Config != nil):
		return "", fmt.Errorf("its manifest is an image's and an index's at once")
	case mediaType != "":
	case contentType.IsImage() || contentType.IsIndex():
		mediaType = contentType
	case m.Manifests != nil:
		mediaType = types.OCIImageIndex
	default:
		mediaType = types.OCIManifestSchema1
	}
	switch {
	case mediaType.IsIndex() && m.Manifests != nil, mediaType.IsImage() && m.Config != nil && m.Layers != nil:
		return mediaType, nil
	case mediaType.IsIndex() || mediaType.IsImage():
		return "", fmt.Errorf("its manifest is not what its type %q says", mediaType)
	}
	return "", fmt.Errorf("it is neither an image nor an index but of type %q", mediaType)
}
