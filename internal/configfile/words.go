package configfile

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// The grammars of single values, for those who take the same settings from a command
// line. What they return is canonical; errors say what to write instead.

// ParsePorts reads a port or a range of ports.
func ParsePorts(s string) ([]string, error) {
	s, err := port.parse(s)
	if err != nil {
		return nil, err
	}
	return portList.expand(s), nil
}

// ParseSignal reads a stop signal.
func ParseSignal(s string) (string, error) { return stopSignal.parse(s) }

// ParseHealthURL reads what a health check asks.
func ParseHealthURL(s string) (string, error) { return healthURL.parse(s) }

// ParseImagePath reads the path of a file or directory in an image.
func ParseImagePath(s string) (string, error) { return absolute("/usr/local/bin/server").parse(s) }

// ParseFolder reads the path of a directory in an image, which may be the root.
func ParseFolder(s string) (string, error) { return folder("/srv").parse(s) }

// ParseVolume reads the path of a volume.
func ParseVolume(s string) (string, error) { return volumePath("/var/lib/server").parse(s) }

// ParseVariable reads the name of a variable of the image.
func ParseVariable(s string) (string, error) { return variable.parse(s) }

// ParseDestination reads where files go in an image; a closing slash is kept.
func ParseDestination(s string) (string, error) { return destination("/srv/www").parse(s) }

// ParseSBOM reads formats of SBOMs, or [NoSBOM] alone.
func ParseSBOM(list []string) ([]string, error) {
	var out []string
	for _, s := range list {
		grammar := sbomFormat
		if len(list) == 1 {
			grammar = sbomChoice
		}
		format, err := grammar.parse(s)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, format) {
			out = append(out, format)
		}
	}
	return out, nil
}

// ParseKey reads the path of a private key, which may be absolute.
func ParseKey(s string) (string, error) { return keyPath.parse(s) }

// ParseMode reads permissions in octal.
func ParseMode(s string) (uint32, error) {
	if !matches(modePattern, s) {
		return 0, errors.New(quote(s) + ` is not permissions in octal, such as "0644"`)
	}
	bits, err := strconv.ParseUint(strings.TrimPrefix(s, "0o"), 8, 32)
	return uint32(bits), err
}

func (c scalar) parse(s string) (string, error) {
	if reason, hint := c.judge(s); reason != "" {
		if hint != "" {
			reason += ": " + hint
		}
		return "", errors.New(reason)
	}
	return c.canonical(s), nil
}
