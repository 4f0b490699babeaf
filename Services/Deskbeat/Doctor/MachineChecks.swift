import FoundationEssentials
import Kafka
import ServiceKit

#if canImport(Glibc)
    import Glibc
#endif

/// Checks of this machine, without any broker.
package enum MachineChecks {
    static func library() -> Finding {
        let loaded = LibraryVersion.loaded
        do {
            try loaded.requireSupported()
            return Finding("librdkafka", .ok, "\(loaded)")
        } catch {
            return Finding(
                "librdkafka", .fail, error.reason,
                advice: "install librdkafka1 \(LibraryVersion.oldestSupported) or newer")
        }
    }

    /// - Parameter directory: of the system's time-zone files.
    package static func timeZones(in directory: String = "/usr/share/zoneinfo") -> Finding {
        guard FileManager.default.isReadableFile(atPath: directory + "/Europe/Berlin") else {
            return Finding(
                "tzdata", .fail, "no time-zone data in \(directory)",
                advice: "install tzdata: business time zones cannot be resolved without it")
        }
        // `# version 2024a`
        let head =
            PlainFile.read(directory + "/tzdata.zi", upTo: 64).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let words = head.prefix { $0 != "\n" }.split(separator: " ")
        guard words.count == 3, words[1] == "version" else { return Finding("tzdata", .ok, "present, version unknown") }
        return Finding("tzdata", .ok, String(words[2]))
    }

    /// - Parameter path: of a directory; where it does not exist yet, its nearest parent is looked at.
    package static func disk(_ path: String) -> Finding {
        var place = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        while !FileManager.default.fileExists(atPath: place), place != "/" {
            place = parentDirectory(place)
        }
        var status = statvfs()
        guard unsafe statvfs(place, &status) == 0 else {
            return Finding("disk", .warn, "\(place): \(systemMessage(errno))")
        }
        let free = Int64(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
        return unsafe disk(free: free, place: place, isWritable: access(place, W_OK) == 0)
    }

    package static func disk(free: Int64, place: String, isWritable: Bool) -> Finding {
        let text = "\(Humanise.bytes(free)) free at \(place)"
        guard isWritable else {
            return Finding(
                "disk", .fail, "\(place) is not writable", advice: "give its owner's rights, or another --data-dir")
        }
        if free < 200 << 20 {
            return Finding(
                "disk", .fail, text, advice: "the local broker stops accepting records when the disk is full")
        }
        if free < 2 << 30 {
            return Finding("disk", .warn, text, advice: "the local broker keeps every event; make room")
        }
        return Finding("disk", .ok, text)
    }

    /// The processes of a `deskbeat up` with this data directory.
    static func processes(_ directory: String) -> [Finding] {
        let known = ["broker"] + LocalService.all.map(\.name)
        let ports = known.compactMap { name in
            (try? String(contentsOfFile: directory + "/\(name).port", encoding: .utf8))
                .flatMap { Int($0.filter(\.isNumber)) }.map { (name, $0) }
        }
        guard !ports.isEmpty else { return [Finding("processes", .ok, "no `deskbeat up` has run with \(directory)")] }
        return ports.map { name, port in
            if name == "broker" {
                return HTTPProbe.accepts(port: port)
                    ? Finding(name, .ok, "listens on port \(port)")
                    : Finding(name, .warn, "does not listen on port \(port)", advice: "start it with `deskbeat up`")
            }
            guard let answer = HTTPProbe.get(port: port, path: "/readyz") else {
                return Finding(name, .warn, "does not answer on port \(port)", advice: "start it with `deskbeat up`")
            }
            guard answer.status == 200 else {
                let reason = answer.body.trimmingWhitespace().prefix(200)
                return Finding(name, .fail, "is not ready: \(reason)", advice: "see \(directory)/logs/\(name).log")
            }
            return Finding(name, .ok, "ready on port \(port)")
        }
    }
}
