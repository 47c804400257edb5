package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/pkg/build"
)

type loginOptions struct {
	registry      string
	user          string
	passwordStdin bool
}

func (a *app) loginCommand() *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "login REGISTRY",
		Short: "Check credentials and store them where docker and podman look",
		Long: `Ask the registry whether the credentials are right and store them in docker's
configuration file, or in the credential helper that it names. The password is read
from standard input with --password-stdin, else asked for on the terminal.`,
		Example: `  echo "$TOKEN" | imgo login ghcr.io -u USER --password-stdin
  imgo login registry.example.com -u USER`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := noPassword(args[0]); err != nil {
				return err
			}
			o.registry = args[0]
			user, password, err := a.credentials(o)
			if err != nil {
				return err
			}
			client, err := a.client(clientOptions{dir: a.Dir})
			if err != nil {
				return err
			}
			defer client.Close()
			where, err := client.Login(cmd.Context(), o.registry, user, password)
			if err != nil {
				return fmt.Errorf("logging in to %s: %w", o.registry, err)
			}
			if !a.quiet {
				fmt.Fprintf(a.Stderr, "logged in to %s as %s, stored in %s\n", o.registry, user, where)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&o.user, "username", "u", "", "`USER` to log in as")
	cmd.Flags().BoolVar(&o.passwordStdin, "password-stdin", false, "read the password or token from standard input")
	return cmd
}

// noPassword refuses a name that holds a password, without repeating it.
func noPassword(arg string) error {
	if redacted, host, found := build.Credentials(arg); found {
		return &build.UsageError{Reason: fmt.Sprintf("%q: a name holds no password: log in with imgo login %s -u USER", redacted, host)}
	}
	return nil
}

// credentials takes user and password from the flags and standard input, and asks
// for what is missing where there is somebody to ask.
func (a *app) credentials(o loginOptions) (user, password string, err error) {
	if o.passwordStdin {
		if o.user == "" {
			return "", "", &build.UsageError{Reason: "--password-stdin needs a user: give it with -u USER"}
		}
		const most = 1 << 20
		raw, err := io.ReadAll(io.LimitReader(a.Stdin, most))
		if err != nil {
			return "", "", fmt.Errorf("reading the password from standard input: %w", err)
		}
		password = strings.TrimRight(string(raw), "\r\n")
		if password == "" {
			return "", "", &build.UsageError{Reason: "the password on standard input is empty"}
		}
		return o.user, password, nil
	}
	if !a.StdinTTY {
		return "", "", &build.UsageError{Reason: "there is no terminal to ask for the password: pipe it in and add --password-stdin"}
	}
	if user = o.user; user == "" {
		fmt.Fprint(a.Stderr, "Username: ")
		line, err := bufio.NewReader(a.Stdin).ReadString('\n')
		if err != nil {
			return "", "", fmt.Errorf("reading the user name: %w", err)
		}
		user = strings.TrimSpace(line)
	}
	fmt.Fprint(a.Stderr, "Password: ")
	raw, err := a.ReadPassword()
	fmt.Fprintln(a.Stderr)
	if err != nil {
		return "", "", fmt.Errorf("reading the password: %w", err)
	}
	return user, string(raw), nil
}
