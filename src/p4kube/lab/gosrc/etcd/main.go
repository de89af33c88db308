// Command etcd is one etcd member for the lab: embedded, plain HTTP on addresses that only the control
// plane's namespace can reach, without the sync to disk that a cluster of record needs.
package main

import (
	"flag"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"go.etcd.io/etcd/server/v3/embed"
)

func parse(address string) url.URL {
	parsed, err := url.Parse(address)
	if err != nil {
		log.Fatal(err)
	}
	return *parsed
}

func main() {
	data := flag.String("data-dir", "", "folder for the database")
	client := flag.String("client-url", "http://127.0.0.1:2379", "address for the API server")
	peer := flag.String("peer-url", "http://127.0.0.1:2380", "address for other members (unused)")
	flag.Parse()

	config := embed.NewConfig()
	config.Dir = *data
	config.ListenClientUrls = []url.URL{parse(*client)}
	config.AdvertiseClientUrls = config.ListenClientUrls
	config.ListenPeerUrls = []url.URL{parse(*peer)}
	config.AdvertisePeerUrls = config.ListenPeerUrls
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.LogLevel = "warn"
	config.UnsafeNoFsync = true
	server, err := embed.StartEtcd(config)
	if err != nil {
		log.Fatal(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	select {
	case <-stop:
		server.Close()
	case err := <-server.Err():
		log.Fatal(err)
	}
}
