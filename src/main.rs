use clap::Parser;
#[derive(Parser)]
enum Cli {
    Demo(forebay::cli::demo::Args),
}
#[tokio::main]
async fn main() -> std::process::ExitCode {
    let Cli::Demo(args) = Cli::parse();
    match forebay::cli::demo::run(args).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
