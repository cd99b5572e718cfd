//! Draws the runs of the benches as pictures and as a page, and the diagrams of the documents.
//!
//! ```text
//! benches/runs/*.jsonl ─┬▶ docs/pictures/{stalls,memory,requests,hits,…}-{light,dark}.svg
//!                       ├▶ benches/RESULTS.md
//!                       └▶ README.md, the tables between marks (`readme.rs`)
//! diagrams.rs ───────────▶ docs/pictures/{ranks,turn,entry,tree}-{light,dark}.svg
//! ```
//!
//! 1. A picture names the run it comes from (`choice.rs`), and ends in a seal (`seal.rs`).
//!
//! Usage: `evenkeel-pictures`, in the folder of the project: `make results`.
//! Not here: measuring (`../side_by_side`), the look of bars (`chart.rs`), reading (`run.rs`).

mod chart;
mod choice;
mod diagrams;
mod readme;
mod results;
mod run;
mod seal;

use std::error::Error;
use std::path::Path;

use chart::{Chart, DARK, LIGHT};
use choice::Choice;
use run::Run;

/// Where the pictures are.
const PICTURES: &str = "docs/pictures";
/// The page of figures, and the page that shows one table of it.
const PAGES: [&str; 2] = ["benches/RESULTS.md", "README.md"];

fn main() -> Result<(), Box<dyn Error>> {
    let runs = Run::read_all(Path::new("benches/runs"))?;
    let folder = Path::new(PICTURES);
    std::fs::create_dir_all(folder)?;
    let choices = choice::choices(&runs);
    for choice in &choices {
        draw(choice, folder)?;
    }
    diagrams::draw(folder)?;
    let [results, readme] = PAGES;
    std::fs::write(results, results::page(&runs, &choices))?;
    let page = std::fs::read_to_string(readme)?;
    std::fs::write(readme, readme::page(&page, &runs)?)?;
    for page in PAGES {
        println!("{page}");
    }
    Ok(())
}

/// Draws a picture, light and dark.
fn draw(choice: &Choice, folder: &Path) -> Result<(), Box<dyn Error>> {
    for (theme, suffix) in [(LIGHT, "light"), (DARK, "dark")] {
        let chart = Chart {
            title: choice.picture.title,
            source: &choice.run.source,
            sides: choice.picture.sides,
            bars: &choice.bars,
            is_logarithmic: choice.picture.is_logarithmic,
        };
        let target = folder.join(format!("{}-{suffix}.svg", choice.picture.name));
        chart.draw(&target, theme)?;
        let drawn = std::fs::read_to_string(&target)?;
        let sources = [choice.text(), include_str!("chart.rs").to_owned()];
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        std::fs::write(&target, seal::sealed(&(drawn + "\n"), &sources))?;
        println!("{}", target.display());
    }
    Ok(())
}
