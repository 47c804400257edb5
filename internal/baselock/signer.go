package baselock

import (
	"fmt"

	"github.com/imgo-build/imgo/internal/pattern"
)

// Signer is who signed a base: an identity and who vouches for it, or a key. It is a record
// of what was, not a rule of what has to be.
type Signer struct {
	Identity string `json:"identity,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	Key      string `json:"key,omitempty"` // "sha256:" and the hex digest of the public key (PKIX, DER)
}

// String names the signer for people.
func (s Signer) String() string {
	switch {
	case s.Key != "":
		return "key " + s.Key
	case s.Identity != "":
		return fmt.Sprintf("%s (%s)", s.Identity, s.Issuer)
	}
	return ""
}

// signer reads who signed: an identity with its issuer, or a key alone.
func (p *parser) signer() (Signer, error) {
	var s Signer
	begin := p.dec.InputOffset()
	err := p.object(func(key string) error {
		var err error
		switch key {
		case "identity":
			s.Identity, err = p.word(key)
		case "issuer":
			s.Issuer, err = p.word(key)
		case "key":
			s.Key, err = p.text(key)
			if err == nil && !keyForm.MatchString(s.Key) {
				err = p.fail("%.80q is not the sum of a key, which is sha256: and 64 hexadecimal digits", s.Key)
			}
		default:
			err = p.unknown(key)
		}
		return err
	})
	named := s.Identity != "" || s.Issuer != ""
	if err == nil && (named == (s.Key != "") || named && (s.Identity == "" || s.Issuer == "")) {
		err = p.failAt(begin, "verified is neither a key nor an identity with its issuer")
	}
	return s, err
}

var (
	keyForm  = pattern.New(`^sha256:[0-9a-f]{64}$`)
	wordForm = pattern.New(`^[^\x00-\x20\x7f]+$`)
)

func (p *parser) word(key string) (string, error) {
	s, err := p.text(key)
	if err == nil && !wordForm.MatchString(s) {
		err = p.fail("%s is %.40q, which is empty or has blanks", key, s)
	}
	return s, err
}
