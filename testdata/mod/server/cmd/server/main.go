// Command server is a small web server to try imgo on. Its handlers show what a
// container gives to a program: a user, time zones, CA roots, a place for files.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"example.com/server/internal/config"
	"example.com/server/internal/web"
)

func main() {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg := config.FromEnv(os.Getenv)
	flag.StringVar(&cfg.Addr, "addr", cfg.Addr, "address to listen on")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := web.Serve(ctx, cfg.Addr, logger); err != nil {
		logger.Error("serving", "error", err)
		os.Exit(1)
	}
}
