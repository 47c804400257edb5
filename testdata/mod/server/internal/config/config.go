// Package config holds the settings of the server.
package config

// Config is what the server can be told.
type Config struct {
	Addr string // host:port to listen on
}

// FromEnv reads the settings from environment variables: PORT is the port to listen
// on, 8080 where it is empty.
func FromEnv(getenv func(string) string) Config {
	port := getenv("PORT")
	if port == "" {
		port = "8080"
	}
	return Config{Addr: ":" + port}
}
