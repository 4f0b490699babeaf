/// What the tasks of a stage are made with where that changes while the stage runs, such as the business rules. Its versions
/// stand on a topic with one partition, so that all instances take the same one.
///
/// The runtime promises: a task processes nothing before its process has read all versions that were published when its
/// partition was assigned, so that a partition never goes back to an earlier version by moving to another process; and it
/// changes the version of a task only right after a commit, by making a new task and restoring it.
public protocol StageSettings: Sendable {
    /// The topic on which the versions stand.
    var topic: TopicSpec { get }

    /// The offset on that topic up to which everything has been acted upon, control records counted.
    var position: Int64 { get }

    /// Number of the version that ``StageDefinition/makeTask`` uses from now on, rising.
    var version: Int64 { get }
}
